"""Builds the native library with Swift before the package, and tags the wheel as one of the platform for any Python 3."""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution


class BuildWithLibrary(build_py):
    """Runs scripts/build-python-library first, unless CAFE_LIBRARY_BUILT says that it has been run."""

    def run(self) -> None:
        here = Path(__file__).resolve().parent
        if os.environ.get("CAFE_LIBRARY_BUILT") != "1":
            script = here.parent / "scripts" / "build-python-library"
            if not script.exists():
                raise SystemExit(f"{script} is missing: install from a checkout of CAFE, or install its wheel")
            if shutil.which("swift") is None:
                raise SystemExit(
                    "there is no Swift on the PATH, which builds CAFE's library: install Swift 6.2 (README), or a wheel "
                    "that `make wheel` has made on another machine, which needs no Swift"
                )
            if subprocess.run([str(script)], check=False).returncode != 0:
                raise SystemExit("CAFE's library could not be built: scripts/setup installs what it is linked with")
        super().run()


class PlatformWheel(bdist_wheel):
    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


class NativeDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel}, distclass=NativeDistribution)
