"""Courses and grade columns, with what only exports know: places that delivered grades lock."""

from django.contrib import admin

from courses.admin.columns import GradeColumnAdmin
from courses.admin.courses import CourseAdmin
from courses.models import Course, GradeColumn
from exports.admin.column_deletion import DeletesInLearn
from exports.admin.mapping_lock import LocksPlaces


@admin.register(Course)
class LockedCourseAdmin(LocksPlaces, CourseAdmin):
    places = ("course_id",)


@admin.register(GradeColumn)
class LockedGradeColumnAdmin(LocksPlaces, DeletesInLearn, GradeColumnAdmin):
    places = ("course", "name")
