"""Learn's pages with what only exports know: places that are locked, and files. `courses` knows nothing of either."""

from django.contrib import admin

from courses.admin import CourseAdmin, EnrolmentMetadataAdmin, GradeColumnAdmin, GradeSchemaAdmin
from courses.models import Course, EnrolmentMetadata, GradeColumn, GradeSchema
from exports.admin.column_deletion import DeletesInLearn
from exports.admin.imports import ExchangesMetadata, ExchangesSchemas
from exports.admin.mapping_lock import LocksPlaces

admin.site.unregister([Course, EnrolmentMetadata, GradeColumn, GradeSchema])


@admin.register(Course)
class LockedCourseAdmin(LocksPlaces, CourseAdmin):
    places = ("course_id",)


@admin.register(GradeColumn)
class LockedGradeColumnAdmin(LocksPlaces, DeletesInLearn, GradeColumnAdmin):
    places = ("course", "name")


@admin.register(GradeSchema)
class ExchangedGradeSchemaAdmin(ExchangesSchemas, GradeSchemaAdmin):
    pass


@admin.register(EnrolmentMetadata)
class ExchangedMetadataAdmin(ExchangesMetadata, EnrolmentMetadataAdmin):
    pass
