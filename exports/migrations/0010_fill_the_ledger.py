"""The ledger is filled from what the old columns and the deliveries say is in Learn, or was.

All of it is done by the database, in a dozen statements, so that a million participants take no memory here. First
every claim to a place in Learn is collected (`ledger_claim`): a grade that Learn confirmed, one that another grade has
replaced, one that may have arrived, one that was left behind, one that was deleted with its column. Then the claims to
one place are put in the order of time: each ends the one before it, and the last one is what is in Learn now.
"""

from django.db import migrations
from django.db.migrations.exceptions import IrreversibleError

PLACE = "course_id, column_name, learn_user_id"
TABLES = ("ledger_delivered", "ledger_deletion", "ledger_claim", "ledger_change")  # temporary

FILL_SOURCES = """
    UPDATE exports_participant SET sources = {json_object}(source_code, CASE WHEN on_roster THEN added_by END)
    WHERE source_code <> ''
"""

CREATE_TABLES = """
    -- The latest delivery that brought what a participant has, where it has not been purged.
    CREATE TEMPORARY TABLE ledger_delivered (participant_id bigint PRIMARY KEY, delivery_id bigint NOT NULL);

    -- Columns that were deleted in Learn from here, or may have been. No time: that run has been purged.
    CREATE TEMPORARY TABLE ledger_deletion (
        course_id varchar(333) NOT NULL, column_name varchar(333) NOT NULL, is_gone boolean NOT NULL,
        deleted_at {datetime}, doubted_at {datetime}
    );

    -- until, ended_as: where the end is known from elsewhere than from the next claim to the same place.
    -- ends_as: how it ends the claim before it.
    -- step: which of two claims of the same moment is the later one.
    CREATE TEMPORARY TABLE ledger_claim (
        participant_id bigint NOT NULL, delivery_id bigint,
        course_id varchar(333) NOT NULL, column_name varchar(333) NOT NULL, learn_user_id varchar(333) NOT NULL,
        source_code varchar(255) NOT NULL,
        value varchar(333) NOT NULL, mark varchar(333) NOT NULL, alternative_grade varchar(333) NOT NULL,
        certainty varchar(9) NOT NULL, since {datetime} NOT NULL, until {datetime}, ended_as varchar(14) NOT NULL,
        ends_as varchar(14) NOT NULL, step integer NOT NULL
    );

    -- Whose state changes.
    CREATE TEMPORARY TABLE ledger_change (
        participant_id bigint PRIMARY KEY, flow_id bigint NOT NULL, cause varchar(40) NOT NULL, detail text NOT NULL
    )
"""

FIND_DELIVERED = """
    INSERT INTO ledger_delivered
    SELECT p.id, MAX(d.id)
    FROM exports_participant AS p JOIN exports_delivery AS d ON d.participant_id = p.id
    WHERE p.exported_at IS NOT NULL AND d.state = 'DELIVERED' AND d.course_id <> '' AND d.value = p.exported_value
        AND (p.exported_column_name = '' OR d.course_id = p.exported_course_id
            AND d.column_name = p.exported_column_name AND d.learn_user_id = p.exported_learn_user_id)
    GROUP BY p.id
"""

FIND_DELETIONS = """
    INSERT INTO ledger_deletion
    SELECT course.course_id, c.name, c.standing = 'DELETED',
        MAX(CASE WHEN s.state = 'DONE' THEN s.settled_at END),
        MAX(CASE WHEN s.state = 'UNCONFIRMED' THEN s.settled_at END)
    FROM courses_gradecolumn AS c
        JOIN courses_course AS course ON course.id = c.course_id
        LEFT JOIN courses_provisioningstep AS s ON s.column_id = c.id AND s.kind = 'DELETION'
            AND s.state IN ('DONE', 'UNCONFIRMED')
    WHERE c.standing = 'DELETED' OR s.id IS NOT NULL
    GROUP BY c.id, course.course_id, c.name, c.standing
"""

# What Learn confirmed, and what has been replaced since.
CLAIM_CONFIRMED = """
    INSERT INTO ledger_claim
    SELECT p.id, delivered.delivery_id, p.exported_course_id, p.exported_column_name, p.exported_learn_user_id,
        p.source_code, p.exported_value, p.exported_mark, p.exported_alternative_grade,
        'CONFIRMED', p.exported_at, NULL,
        CASE WHEN p.cause = 'REPLACED' THEN 'OVERWRITTEN' ELSE '' END, 'OVERWRITTEN',
        CASE WHEN p.cause = 'REPLACED' THEN 0 ELSE 1 END
    FROM exports_participant AS p LEFT JOIN ledger_delivered AS delivered ON delivered.participant_id = p.id
    WHERE p.exported_at IS NOT NULL AND p.exported_value <> '' AND p.exported_column_name <> ''
"""

# What was deleted with its column, or replaced there before that. Only a delivery knows the place.
CLAIM_DELETED = """
    INSERT INTO ledger_claim
    SELECT p.id, d.id, COALESCE(d.course_id, ''), COALESCE(d.column_name, ''), COALESCE(d.learn_user_id, ''),
        p.source_code, p.exported_value, p.exported_mark, p.exported_alternative_grade, 'CONFIRMED', p.exported_at,
        CASE WHEN p.cause <> 'REPLACED' AND x.deleted_at > p.exported_at THEN x.deleted_at ELSE p.exported_at END,
        CASE WHEN p.cause = 'REPLACED' THEN 'OVERWRITTEN' ELSE 'COLUMN_DELETED' END, '', 1
    FROM exports_participant AS p
        LEFT JOIN ledger_delivered AS delivered ON delivered.participant_id = p.id
        LEFT JOIN exports_delivery AS d ON d.id = delivered.delivery_id
        LEFT JOIN ledger_deletion AS x ON x.course_id = d.course_id AND x.column_name = d.column_name
    WHERE p.exported_at IS NOT NULL AND p.exported_value <> '' AND p.exported_column_name = ''
"""

# Deleted without a run that is known, by what the participant says of the column that was last sent to.
DELETED_BY_HAND = """
    (d.state = 'UNCONFIRMED' AND d.id > COALESCE(delivered.delivery_id, 0)
        AND p.cause = 'COLUMN_DELETED' AND p.detail = d.column_name)
"""

# What only deliveries tell: what may have arrived, and what was left at a place that its person no longer leads to. Of
# one person at one place the latest counts. Who was replaced was replaced after all that they sent there.
CLAIM_SENT = f"""
    INSERT INTO ledger_claim
    SELECT p.id, d.id, d.course_id, d.column_name, d.learn_user_id, p.source_code, d.value, d.mark, d.alternative_grade,
        CASE WHEN d.state = 'UNCONFIRMED' OR x.doubted_at > d.settled_at THEN 'DOUBTFUL' ELSE 'CONFIRMED' END,
        d.settled_at,
        CASE
            WHEN x.deleted_at > d.settled_at THEN x.deleted_at
            WHEN x.is_gone OR {DELETED_BY_HAND} THEN d.settled_at END,
        CASE
            WHEN x.deleted_at > d.settled_at OR x.is_gone OR {DELETED_BY_HAND} THEN 'COLUMN_DELETED'
            ELSE '' END,
        CASE WHEN d.state = 'UNCONFIRMED' THEN 'DOUBTED' ELSE 'OVERWRITTEN' END,
        CASE WHEN d.state = 'UNCONFIRMED' THEN 3 ELSE 1 END
    FROM exports_delivery AS d
        JOIN exports_participant AS p ON p.id = d.participant_id
        LEFT JOIN ledger_delivered AS delivered ON delivered.participant_id = p.id
        LEFT JOIN ledger_deletion AS x ON x.course_id = d.course_id AND x.column_name = d.column_name
    WHERE d.course_id <> ''
        AND (
            d.state = 'UNCONFIRMED' AND (p.exported_at IS NULL OR p.cause <> 'REPLACED' AND d.settled_at > p.exported_at)
            OR d.state IN ('DELIVERED', 'UNCONFIRMED') AND p.exported_column_name <> '' AND (
                d.course_id <> p.exported_course_id OR d.column_name <> p.exported_column_name
                OR d.learn_user_id <> p.exported_learn_user_id
            )
            OR d.state IN ('DELIVERED', 'UNCONFIRMED') AND p.exported_column_name = '' AND d.id < delivered.delivery_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM exports_delivery AS later
            WHERE later.participant_id = d.participant_id AND later.id > d.id
                AND later.state IN ('DELIVERED', 'UNCONFIRMED') AND later.course_id = d.course_id
                AND later.column_name = d.column_name AND later.learn_user_id = d.learn_user_id
        )
"""

# What was confirmed, and is in doubt for a reason that is not the latest delivery: its column may have been deleted, or
# the delivery has been purged. The confirmed grade stays in the ledger, ended, for the rules that ask what was exported.
CLAIM_DOUBTED = """
    INSERT INTO ledger_claim
    SELECT p.id, delivered.delivery_id, p.exported_course_id, p.exported_column_name, p.exported_learn_user_id,
        p.source_code, p.exported_value, p.exported_mark, p.exported_alternative_grade,
        'DOUBTFUL', p.exported_at, NULL, '',
        CASE WHEN x.doubted_at > p.exported_at OR p.detail LIKE 'Column %' THEN 'COLUMN_DOUBTED' ELSE 'DOUBTED' END, 2
    FROM exports_participant AS p
        LEFT JOIN ledger_delivered AS delivered ON delivered.participant_id = p.id
        LEFT JOIN ledger_deletion AS x
            ON x.course_id = p.exported_course_id AND x.column_name = p.exported_column_name
    WHERE p.state IN ('FAILED', 'QUEUED') AND p.cause <> 'REPLACED'
        AND p.exported_at IS NOT NULL AND p.exported_value <> '' AND p.exported_column_name <> ''
        AND (x.doubted_at > p.exported_at OR p.cause IN ('UNCONFIRMED', 'INTERNAL_ERROR') AND NOT EXISTS (
            SELECT 1 FROM exports_delivery AS d
            WHERE d.participant_id = p.id AND d.state = 'UNCONFIRMED' AND d.settled_at > p.exported_at
                AND d.cause = p.cause AND d.detail = p.detail
        ))
"""

# A grade is left behind once its person's next one went to another place.
CLAIMS = """
    SELECT ledger_claim.*,
        CASE WHEN LEAD(course_id) OVER next_one <> course_id OR LEAD(column_name) OVER next_one <> column_name
            OR LEAD(learn_user_id) OVER next_one <> learn_user_id THEN LEAD(since) OVER next_one END AS left_behind_at
    FROM ledger_claim
    WINDOW next_one AS (PARTITION BY participant_id ORDER BY since, step)
"""

# The same grade, sent again without an answer (step 3), says nothing new: whatever happened, Learn has it.
FILL_LEDGER = f"""
    INSERT INTO exports_gradeinlearn (
        {PLACE}, participant_id, delivery_id, source_code,
        value, mark, alternative_grade, certainty, since, left_behind_at, is_in_learn, until, ended_as, ended_by_id
    )
    SELECT {PLACE}, participant_id, delivery_id, source_code,
        value, mark, alternative_grade, certainty, since, left_behind_at,
        CASE WHEN until IS NULL THEN true END, until, ended_as, ended_by_id
    FROM (
        SELECT {PLACE}, participant_id, delivery_id, source_code,
            value, mark, alternative_grade, certainty, since, step, left_behind_at,
            COALESCE(LEAD(since) OVER later, CASE WHEN ended_as <> '' THEN since END) AS until,
            COALESCE(NULLIF(ended_as, ''), LEAD(ends_as) OVER later, '') AS ended_as,
            LEAD(participant_id) OVER later AS ended_by_id
        FROM (
            SELECT claim.*,
                LAG(participant_id) OVER earlier AS participant_before, LAG(value) OVER earlier AS value_before
            FROM ({CLAIMS}) AS claim WHERE until IS NULL
            WINDOW earlier AS (PARTITION BY {PLACE} ORDER BY since, step, participant_id)
        ) AS claim
        WHERE step <> 3 OR participant_before IS NULL OR participant_before <> participant_id OR value_before <> value
        WINDOW later AS (PARTITION BY {PLACE} ORDER BY since, step, participant_id)
        UNION ALL
        SELECT {PLACE}, participant_id, delivery_id, source_code,
            value, mark, alternative_grade, certainty, since, step, NULL, until, ended_as, NULL
        FROM ledger_claim WHERE until IS NOT NULL
    ) AS grade
    ORDER BY since, step, participant_id
"""

# Whose last grade is there no more is failed. Not who has something on its way: that delivery decides.
FIND_CHANGES = """
    INSERT INTO ledger_change
    SELECT p.id, p.flow_id,
        CASE
            WHEN g.ended_as = 'COLUMN_DELETED' THEN 'COLUMN_DELETED'
            WHEN g.ended_as = 'DOUBTED' AND there.certainty = 'DOUBTFUL' THEN 'PERHAPS_REPLACED'
            ELSE 'REPLACED' END,
        CASE
            WHEN g.ended_as = 'COLUMN_DELETED' THEN COALESCE(NULLIF(g.column_name, ''), '(not known)')
            WHEN there.id IS NOT NULL
                THEN there.value || ' of person ' || owner.user_id || ' in flow ' || flow.flow_id
            WHEN p.cause = 'REPLACED' THEN p.detail
            ELSE 'one that is not known' END
    FROM exports_gradeinlearn AS g
        JOIN exports_participant AS p ON p.id = g.participant_id
        LEFT JOIN exports_gradeinlearn AS there ON there.until IS NULL
            AND there.course_id = g.course_id AND there.column_name = g.column_name
            AND there.learn_user_id = g.learn_user_id AND there.since >= g.until
        LEFT JOIN exports_participant AS owner ON owner.id = there.participant_id
        LEFT JOIN exports_flow AS flow ON flow.id = owner.flow_id
    WHERE p.state <> 'QUEUED'
        AND (g.ended_as IN ('OVERWRITTEN', 'DOUBTED') OR g.ended_as = 'COLUMN_DELETED' AND p.state = 'EXPORTED')
        AND NOT EXISTS (
            SELECT 1 FROM exports_gradeinlearn AS later WHERE later.participant_id = p.id AND later.id > g.id
        )
"""

# A replaced grade counted as changed since export. It is changed only where WISEflow has sent another one.
CHANGE_PARTICIPANTS = """
    UPDATE exports_participant SET
        state = 'FAILED', cause = c.cause, detail = c.detail, approved_mark = '',
        changed_since_export = exports_participant.changed_since_export AND NOT (
            exports_participant.cause = 'REPLACED'
            AND exports_participant.mark = exports_participant.exported_mark
            AND exports_participant.alternative_grade = exports_participant.exported_alternative_grade
        )
    FROM ledger_change AS c WHERE c.participant_id = exports_participant.id
"""

COUNT_FLOWS = """
    UPDATE exports_flow SET
        not_exported_count = n.not_exported, queued_count = n.queued, exported_count = n.exported,
        failed_count = n.failed,
        state = CASE
            WHEN n.queued > 0 THEN 'QUEUED' WHEN n.failed > 0 THEN 'FAILED' WHEN n.exported > 0 THEN 'EXPORTED'
            ELSE 'NOT_EXPORTED' END
    FROM (
        SELECT flow_id,
            SUM(CASE WHEN state = 'NOT_EXPORTED' THEN 1 ELSE 0 END) AS not_exported,
            SUM(CASE WHEN state = 'QUEUED' THEN 1 ELSE 0 END) AS queued,
            SUM(CASE WHEN state = 'EXPORTED' THEN 1 ELSE 0 END) AS exported,
            SUM(CASE WHEN state = 'FAILED' THEN 1 ELSE 0 END) AS failed
        FROM exports_participant WHERE flow_id IN (SELECT flow_id FROM ledger_change)
        GROUP BY flow_id
    ) AS n
    WHERE n.flow_id = exports_flow.id
"""

COUNT_LEDGER = """
    SELECT COUNT(*),
        COALESCE(SUM(CASE WHEN ended_as = 'OVERWRITTEN' THEN 1 ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN until IS NULL AND certainty = 'DOUBTFUL' THEN 1 ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN ended_as = 'COLUMN_DELETED' THEN 1 ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN until IS NULL AND left_behind_at IS NOT NULL THEN 1 ELSE 0 END), 0),
        COALESCE(SUM(CASE
            WHEN column_name = '' OR ended_as = 'OVERWRITTEN' AND ended_by_id IS NULL THEN 1 ELSE 0 END), 0)
    FROM exports_gradeinlearn
"""


def fill(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    kinds = {"datetime": "timestamptz" if is_postgresql else "datetime"}
    with schema_editor.connection.cursor() as cursor:

        def analyze(*tables):
            """The tables are new, or the statistics may be old: without any, PostgreSQL may take hours."""
            for table in tables if is_postgresql else ():
                cursor.execute(f"ANALYZE {table}")

        cursor.execute(FILL_SOURCES.format(json_object="jsonb_build_object" if is_postgresql else "json_object"))
        for statement in CREATE_TABLES.format(**kinds).split(";"):
            cursor.execute(statement)
        analyze("exports_participant", "exports_delivery")
        cursor.execute(FIND_DELIVERED)
        cursor.execute(FIND_DELETIONS)
        analyze("ledger_delivered", "ledger_deletion")
        for statement in (CLAIM_CONFIRMED, CLAIM_DELETED, CLAIM_SENT, CLAIM_DOUBTED):
            cursor.execute(statement)
        analyze("ledger_claim")
        cursor.execute(FILL_LEDGER)
        analyze("exports_gradeinlearn")
        cursor.execute(FIND_CHANGES)
        analyze("ledger_change")
        cursor.execute(CHANGE_PARTICIPANTS)
        cursor.execute(COUNT_FLOWS)
        cursor.execute(COUNT_LEDGER)
        say(*cursor.fetchone())
        for table in TABLES:
            cursor.execute(f"DROP TABLE {table}")


def say(entered, replaced, doubtful, deleted, left_behind, unknown):
    if entered:
        print(
            f"\n    Grades entered in the ledger: {entered}; of these replaced: {replaced}, not certain: {doubtful}, "
            f"deleted with their column: {deleted}, left behind: {left_behind}; place or replacing grade not known: {unknown}"
        )


def refuse_to_go_back(apps, schema_editor):
    """Also the reverse of the next migration, whose reverse would bring back the old columns, but not what they said."""
    if apps.get_model("exports", "Participant").objects.exists():
        raise IrreversibleError(
            "The previous release has no place for what the ledger and the participants' sources say. To go back to it, "
            "restore the backup that was made before the upgrade."
        )


class Migration(migrations.Migration):

    dependencies = [("exports", "0009_grades_in_learn"), ("courses", "0003_provisioning")]
    run_before = [("courses", "0004_reasons_as_data")]  # its statements name fields as they were

    operations = [migrations.RunPython(fill, refuse_to_go_back)]
