"""The addresses of signing in. They come before those of the admin: its own sign-in page is replaced."""

from django.contrib import admin
from django.urls import path

from common.signing_in.by_password import SignInView, code_page
from common.signing_in.by_provider import FromProviderView, ToProviderView
from common.signing_in.recent import carry_on, sign_in_again
from common.signing_in.second_factor import second_factor

urlpatterns = [
    path("admin/login/", SignInView.as_view(), name="sign-in"),
    path("admin/sign-in-again/", admin.site.admin_view(sign_in_again), name="sign-in-again"),
    path("admin/carry-on/", admin.site.admin_view(carry_on), name="carry-on"),
    path("admin/second-factor/", admin.site.admin_view(second_factor), name="second-factor"),
    path("sign-in/code/", code_page, name="sign-in-code"),
    path("sign-in/provider/", ToProviderView.as_view(), name="sign-in-provider"),
    path("sign-in/callback/", FromProviderView.as_view(), name="sign-in-callback"),
]
