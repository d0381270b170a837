"""Which packages the one distribution has; everything else about it is in pyproject.toml.

pyproject.toml can find packages, but not give a folder a place in a package: the demo model lies in
data/, where people look for it, and is installed as xpmodel/demo_model, where nothing else of that
name can be. A mapping of folders works alike for wheels, sdists and editable installs.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["xpmodel", "xpmodel.*"]),
        "xpmodel.demo_model",
        *find_packages("app"),
    ],
    package_dir={"xpmodel.demo_model": "data/demo_model", "xpapp": "app/xpapp"},
)
