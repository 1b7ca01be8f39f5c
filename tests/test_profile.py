# SPDX-License-Identifier: GPL-2.0-or-later
import itertools

import pytest

from emu.profile import CPU_MODELS, DEFAULT_CPU, PRIMITIVES, SMAP_POLICIES, Profile, ProfileError, parse_profiles


def test_the_default() -> None:
    assert Profile() == Profile("skylake-server", "enforce", "library")
    assert str(Profile()) == DEFAULT_CPU


@pytest.mark.parametrize("cpu", ["nehalem", "ivybridge", "broadwell", "skylake-server", "epyc-rome"])
def test_the_models_that_are_promised(cpu: str) -> None:
    assert cpu in CPU_MODELS


@pytest.mark.parametrize(("cpu", "smap", "primitives"), list(itertools.product(CPU_MODELS, SMAP_POLICIES, PRIMITIVES)))
def test_the_text_form_names_the_profile(cpu: str, smap: str, primitives: str) -> None:
    profile = Profile(cpu, smap, primitives)
    assert Profile.parse(str(profile)) == profile
    assert hash(Profile.parse(str(profile))) == hash(profile)


@pytest.mark.parametrize(
    ("text", "profile", "form"),
    [
        ("nehalem", Profile("nehalem", "off"), "nehalem"),
        ("nehalem,smap=off", Profile("nehalem", "off"), "nehalem"),
        ("nehalem,smap=enforce", Profile("nehalem", "off"), "nehalem"),
        ("broadwell,smap=permit", Profile("broadwell", "permit"), "broadwell,smap=permit"),
        ("broadwell,smap=off", Profile("broadwell", "off"), "broadwell,smap=off"),
        ("broadwell,smap=enforce", Profile("broadwell"), "broadwell"),
        ("broadwell,primitives=library", Profile("broadwell"), "broadwell"),
        ("nehalem,primitives=kernel", Profile("nehalem", primitives="kernel"), "nehalem,primitives=kernel"),
        ("epyc,primitives=kernel,smap=off", Profile("epyc", "off", "kernel"), "epyc,smap=off,primitives=kernel"),
    ],
)
def test_parse_and_print(text: str, profile: Profile, form: str) -> None:
    assert Profile.parse(text) == profile
    assert str(profile) == form


@pytest.mark.parametrize("smap", SMAP_POLICIES)
def test_a_cpu_without_smap_has_no_policy(smap: str) -> None:
    profile = Profile("ivybridge", smap)
    assert profile.smap == "off"
    assert not profile.kernel_entry_ac


def test_only_the_permissive_policy_sets_ac() -> None:
    assert {smap: Profile("broadwell", smap).kernel_entry_ac for smap in SMAP_POLICIES} == {
        "enforce": False,
        "permit": True,
        "off": False,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pentium", r"unknown CPU model 'pentium'; known: nehalem, .*, epyc-rome"),
        ("", r"unknown CPU model ''; known: nehalem"),
        ("haswell,smap=on", r"unknown SMAP policy 'on'; known: enforce, permit, off"),
        ("pentium,smap=off", r"unknown CPU model 'pentium'"),
        (
            "haswell,smep=off",
            r"unknown setting 'smep=off' in profile 'haswell,smep=off'; the form is CPU\[,smap=POLICY\]\[,primitives=",
        ),
        ("haswell,smap", r"unknown setting 'smap'"),
        ("haswell,primitives=ntoskrnl", r"unknown primitives 'ntoskrnl'; known: library, kernel"),
        ("haswell,", r"unknown setting ''"),
        ("broadwell,smap=off,smap=permit", r"the setting 'smap' is given twice in profile"),
    ],
)
def test_what_is_unknown_lists_what_is_known(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        Profile.parse(text)


def test_the_newer_model_has_what_the_older_has() -> None:
    generations = ["nehalem", "sandybridge", "ivybridge", "haswell", "broadwell", "skylake-server", "icelake-server"]
    for older, newer in itertools.pairwise(generations):
        for feature in ("smep", "smap", "erms", "avx", "avx512", "rdrand"):
            assert getattr(CPU_MODELS[newer], feature) >= getattr(CPU_MODELS[older], feature)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nehalem", ["nehalem"]),
        ("nehalem,epyc", ["nehalem", "epyc"]),
        ("broadwell,smap=off,epyc", ["broadwell,smap=off", "epyc"]),
        ("epyc, broadwell, smap=permit", ["epyc", "broadwell,smap=permit"]),
        ("epyc,primitives=kernel,nehalem", ["epyc,primitives=kernel", "nehalem"]),
    ],
)
def test_a_list_of_profiles(text: str, expected: list[str]) -> None:
    assert parse_profiles(text) == tuple(map(Profile.parse, expected))


@pytest.mark.parametrize("text", ["", "nehalem,", "smap=off", "nehalem,,epyc"])
def test_a_list_with_something_else(text: str) -> None:
    with pytest.raises(ProfileError):
        parse_profiles(text)
