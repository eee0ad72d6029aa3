"""Channels that read series, and the symptoms found in them."""

from dataclasses import replace

import numpy as np
import pytest

from diagnosis.channels.absence import absence
from diagnosis.channels.clue import Source
from diagnosis.channels.conservation import conservation
from diagnosis.channels.order import onset_order
from diagnosis.channels.series import deviation, saturation
from diagnosis.channels.tenants import tenants
from diagnosis.channels.withheld_calls import withheld_calls
from diagnosis.findings import FaultKind
from diagnosis.measures import Measure, measure_of
from diagnosis.periods import periods
from diagnosis.telemetry import Node, Topology


def strengths(clues) -> dict[str, float]:
    """The strongest clue of each entity."""
    found: dict[str, float] = {}
    for clue in clues:
        found[clue.entity] = max(found.get(clue.entity, 0.0), clue.strength)
    return found


# Conservation


def loads(telemetry, suffix: str, noise: float = 0.02, **levels: tuple[float, float]):
    """For each service a steady traffic and one series (named by ``suffix``) with these levels before and after."""
    rows = {}
    for i, (name, (before, after)) in enumerate(levels.items()):
        rows[f"{name}/requests_per_second"] = telemetry.step(50, 50, 2 * i, noise)
        rows[f"{name}/{suffix}"] = telemetry.step(before, after, 2 * i + 1, noise)
    return rows


def own(telemetry, rows, *calls: str, **alert: str) -> dict[str, float]:
    return strengths(conservation(telemetry.observe(rows, topology=telemetry.calls(*calls), **alert)))


def test_the_time_that_a_callee_lost_is_taken_from_its_caller(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", front=(0.12, 0.52), shop=(0.1, 0.5), store=(0.05, 0.45))
    found = own(telemetry, rows, "front>shop", "shop>store", entity="front")
    assert found["store"] > 0.9
    assert found.get("shop", 0.0) < 0.1 and found.get("front", 0.0) < 0.1


def test_time_that_is_lost_above_a_healthy_callee_stays_with_the_caller(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", front=(0.12, 0.52), shop=(0.1, 0.5), store=(0.05, 0.05))
    found = own(telemetry, rows, "front>shop", "shop>store", entity="front")
    assert max(found, key=found.get) == "shop"
    assert found["shop"] > 0.9


def test_without_the_calls_every_slow_service_keeps_its_own_lost_time(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", shop=(0.1, 0.5), store=(0.05, 0.45))
    assert min(own(telemetry, rows, entity="shop").values()) > 0.9


def test_what_a_callee_lost_is_split_among_its_callers(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", shop=(0.1, 0.3), mail=(0.1, 0.3), store=(0.05, 0.45))
    found = own(telemetry, rows, "shop>store", "mail>store", entity="shop")
    assert max(found, key=found.get) == "store"
    assert found.get("shop", 0.0) < 0.1 and found.get("mail", 0.0) < 0.1


def test_a_newly_called_dependency_blames_its_caller(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", front=(0.1, 0.5)) | newly_called(telemetry, "audit")
    (clue,) = conservation(telemetry.observe(rows, topology=telemetry.calls("front>audit"), entity="front"))
    assert clue.entity == "front"
    assert "calls audit, which it did not before" in clue.symptom.sentence


def newly_called(telemetry, name: str):
    slow = np.where(telemetry.after, telemetry.step(0.4, 0.4, 9), np.nan)
    return {f"{name}/requests_per_second": telemetry.step(0, 50, 8), f"{name}/latency_mean_seconds": slow}


def test_a_new_call_makes_a_part_of_the_lost_time_weigh_more(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", gate=(0.1, 2.1), front=(0.1, 0.5))
    with_call = own(telemetry, rows | newly_called(telemetry, "audit"), "gate>front", "front>audit", entity="gate")
    without = own(telemetry, rows, "gate>front", entity="gate")
    assert with_call["front"] > without["front"] + 0.3


def test_time_read_from_a_quantile_counts_for_less_than_from_a_mean(telemetry):
    levels = {"front": (0.12, 0.52), "store": (0.05, 0.45)}
    mean = own(telemetry, loads(telemetry, "latency_mean_seconds", **levels), "front>store", entity="front")
    tail = own(telemetry, loads(telemetry, "latency_p99_seconds", **levels), "front>store", entity="front")
    assert 0 < tail["store"] < 0.5 * mean["store"]


def test_a_mean_is_read_where_there_is_a_quantile_as_well(telemetry):
    levels = {"front": (0.12, 0.52), "store": (0.05, 0.45)}
    rows = loads(telemetry, "latency_p99_seconds", **levels) | loads(telemetry, "latency_mean_seconds", **levels)
    clues = conservation(telemetry.observe(rows, topology=telemetry.calls("front>store"), entity="front"))
    assert {clue.symptom.subject for clue in clues} == {"latency_mean_seconds"}


def test_the_alerted_measure_counts_more_than_the_other(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", front=(0.1, 0.5)) | loads(
        telemetry, "error_ratio", mail=(0.001, 0.3)
    )
    slow = own(telemetry, rows, entity="front", metric="latency_mean_seconds")
    wrong = own(telemetry, rows, entity="front", metric="error_ratio")
    assert slow["front"] > 2 * slow["mail"] and slow["front"] > 2 * wrong["front"]
    assert wrong["mail"] > 2 * slow["mail"]


def test_an_alert_about_neither_latency_nor_errors_takes_both_for_full(telemetry):
    rows = loads(telemetry, "latency_mean_seconds", front=(0.1, 0.5)) | loads(
        telemetry, "error_ratio", mail=(0.001, 0.3)
    )
    found = own(telemetry, rows, entity="front", metric="cpu_utilization")
    assert min(found["front"], found["mail"]) > 0.9


@pytest.mark.parametrize("full", [1.0, 100.0])
def test_errors_are_read_from_a_fall_of_availability(telemetry, full: float):
    rows = loads(telemetry, "availability", 0.001, front=(full, 0.6 * full), store=(full, 0.6 * full))
    clues = conservation(telemetry.observe(rows, topology=telemetry.calls("front>store"), entity="front"))
    assert strengths(clues)["store"] > 0.9 and strengths(clues).get("front", 0.0) < 0.1
    assert max(clues[-1].kinds, key=clues[-1].kinds.get) is FaultKind.ERROR_REGRESSION


def test_availability_that_rises_is_no_failure(telemetry):
    rows = loads(telemetry, "availability", 0.001, front=(60.0, 99.0))
    assert own(telemetry, rows, entity="front") == {}


def test_what_a_client_measured_of_its_calls_is_not_its_own_time(telemetry):
    rows = loads(telemetry, "client_latency_mean_seconds", front=(0.1, 0.5))
    assert own(telemetry, rows, entity="front") == {}


def test_a_view_of_a_service_is_never_blamed_itself(telemetry):
    # The view waits for the way there as well.
    rows = loads(telemetry, "latency_mean_seconds", front=(0.1, 0.9), store_client=(0.05, 0.85), store=(0.05, 0.45))
    found = own(telemetry, rows, "front>store_client", "store_client>store", entity="front")
    assert max(found, key=found.get) == "store"
    assert "store_client" not in found


def test_noise_alone_leaves_nothing_to_account_for(telemetry):
    guessed, accused = periods(telemetry.window, telemetry.onset + 300), 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        rows = {
            f"{name}/{metric}": level * (1 + 0.04 * random.standard_normal(telemetry.times.size))
            for name in ("front", "shop", "store")
            for metric, level in (("requests_per_second", 50), ("latency_mean_seconds", 0.1))
        }
        seen = telemetry.observe(rows, topology=telemetry.calls("front>shop", "shop>store"), entity="front")
        accused += max(strengths(conservation(replace(seen, periods=guessed))).values(), default=0.0) > 0.5
    assert accused <= 2


# Saturation


def test_a_share_of_a_limit_counts_by_how_full_it_is(telemetry):
    rows = {"shop/cpu_utilization": telemetry.step(0.1, 0.3), "store/cpu_utilization": telemetry.step(0.1, 0.95, 1)}
    found = strengths(saturation(telemetry.observe(rows)))
    assert found["store"] > 0.9
    assert found["shop"] < 0.3


def test_percent_and_fractions_are_one_scale(telemetry):
    rows = {"shop/memory_percent": telemetry.step(40, 95), "store/memory_utilization": telemetry.step(0.4, 0.95)}
    found = strengths(saturation(telemetry.observe(rows)))
    assert found["shop"] == pytest.approx(found["store"], abs=0.02)


def test_use_in_absolute_units_counts_only_where_no_share_is_measured(telemetry):
    use = {"shop/memory_rss_bytes": telemetry.step(1e9, 4e9)}
    share = {"shop/memory_utilization": telemetry.step(0.1, 0.1, 1)}
    assert strengths(saturation(telemetry.observe(use)))["shop"] > 0.2
    assert saturation(telemetry.observe(use | share)) == []


def test_use_in_absolute_units_counts_less_than_a_full_share(telemetry):
    rows = {
        "shop/memory_rss_bytes": telemetry.step(1e9, 4e9),
        "store/memory_utilization": telemetry.step(0.25, 0.99, 1),
    }
    found = strengths(saturation(telemetry.observe(rows)))
    assert found["store"] > 1.5 * found["shop"]


def test_a_busy_service_that_reaches_its_limit_counts_though_it_hardly_deviates(telemetry):
    seen = telemetry.observe({"shop/cpu_utilization": telemetry.step(0.8, 0.99, noise=0.005)})
    (symptom,) = seen.symptoms
    assert strengths(saturation(seen))["shop"] > 0.9 > symptom.strength


def test_each_resource_of_an_entity_has_one_clue_of_its_own_kind(telemetry):
    rows = {
        "shop/cpu_utilization": telemetry.step(0.2, 0.95),
        "shop/cpu_system_utilization": telemetry.step(0.1, 0.5, 1),
        "shop/disk_io_await_ms": telemetry.step(2, 80, 2),
    }
    clues = saturation(telemetry.observe(rows))
    kinds = [next(iter(clue.kinds)) for clue in clues]
    assert sorted(kinds) == [FaultKind.CPU_SATURATION, FaultKind.DISK_IO]
    assert all(clue.source is Source.OWN for clue in clues)


def test_a_series_of_the_machine_is_no_resource_of_its_tenant(telemetry):
    assert saturation(telemetry.observe({"shop/node_cpu_utilization": telemetry.step(0.1, 0.95)})) == []


def test_a_resource_that_is_freed_is_no_clue(telemetry):
    assert saturation(telemetry.observe({"shop/cpu_utilization": telemetry.step(0.9, 0.2)})) == []


# Deviation


def test_latency_may_be_inherited_from_callees(telemetry):
    (clue,) = deviation(telemetry.observe({"shop/http_latency_seconds": telemetry.step(0.1, 0.5)}))
    assert clue.source is Source.CALLEES


def test_what_a_client_waited_counts_less_than_what_a_server_took(telemetry):
    rows = {
        "shop/client_latency_seconds": telemetry.step(0.1, 0.5),
        "store/server_latency_seconds": telemetry.step(0.1, 0.5),
    }
    clues = deviation(telemetry.observe(rows))
    assert 0 < strengths(clues)["shop"] < 0.5 * strengths(clues)["store"]
    waited = next(clue for clue in clues if clue.entity == "shop")
    assert max(waited.kinds, key=waited.kinds.get) is FaultKind.NETWORK_DELAY


def test_several_series_of_one_measure_are_one_clue(telemetry):
    rows = {f"shop/latency_p{q}_seconds": telemetry.step(0.1, 0.5, q) for q in (50, 95, 99)}
    assert len(deviation(telemetry.observe(rows))) == 1


def test_resources_are_left_to_saturation(telemetry):
    assert deviation(telemetry.observe({"shop/cpu_utilization": telemetry.step(0.2, 0.95)})) == []


# Withheld calls


def traffic(telemetry, **levels: tuple[float, float]):
    return {
        f"{name}/requests_per_second": telemetry.step(before, after, i)
        for i, (name, (before, after)) in enumerate(levels.items())
    }


def test_a_service_that_is_asked_as_before_and_asks_no_more_is_blamed(telemetry):
    rows = traffic(telemetry, front=(50, 50), shop=(50, 50), store=(50, 5))
    clues = withheld_calls(telemetry.observe(rows, topology=telemetry.calls("front>shop", "shop>store")))
    assert strengths(clues).keys() == {"shop"}


def test_a_service_that_is_itself_asked_less_withholds_nothing(telemetry):
    rows = traffic(telemetry, front=(50, 50), shop=(50, 5), store=(50, 5))
    clues = withheld_calls(telemetry.observe(rows, topology=telemetry.calls("front>shop", "shop>store")))
    assert strengths(clues).keys() == {"front"}


def test_a_service_that_has_much_less_to_do_may_ask_nothing_of_others(telemetry):
    rows = traffic(telemetry, shop=(50, 20), store=(50, 1))
    assert withheld_calls(telemetry.observe(rows, topology=telemetry.calls("shop>store"))) == []


def test_nobody_is_blamed_while_another_caller_of_the_callee_goes_on(telemetry):
    rows = traffic(telemetry, shop=(50, 50), mail=(50, 50), store=(100, 5))
    assert withheld_calls(telemetry.observe(rows, topology=telemetry.calls("shop>store", "mail>store"))) == []


def test_more_callees_that_hear_nothing_make_it_surer(telemetry):
    calls = telemetry.calls("shop>store", "shop>price")
    one = traffic(telemetry, shop=(50, 50), store=(50, 5), price=(50, 50))
    two = traffic(telemetry, shop=(50, 50), store=(50, 5), price=(50, 5))
    found = [strengths(withheld_calls(telemetry.observe(rows, topology=calls)))["shop"] for rows in (one, two)]
    assert found[0] < found[1]


def test_a_callee_that_was_silent_now_and_then_is_not_missed(telemetry):
    rows = traffic(telemetry, shop=(50, 50), store=(50, 5))
    rows["store/requests_per_second"][::4] = 0.0
    assert withheld_calls(telemetry.observe(rows, topology=telemetry.calls("shop>store"))) == []


# Absence


def neighbours(telemetry, count: int = 5):
    return {f"other{i}/cpu_utilization": telemetry.step(0.3, 0.3, 10 + i) for i in range(count)}


def test_a_service_whose_series_stop_while_others_go_on_is_a_clue(telemetry):
    rows = neighbours(telemetry) | {"shop/cpu_utilization": np.where(telemetry.after, np.nan, telemetry.step(0.3, 0.3))}
    assert strengths(absence(telemetry.observe(rows))).keys() == {"shop"}


def test_a_service_whose_series_freeze_is_a_clue(telemetry):
    rows = neighbours(telemetry) | {"shop/cpu_utilization": np.where(telemetry.after, 0.3, telemetry.step(0.3, 0.3))}
    (clue,) = absence(telemetry.observe(rows))
    assert (clue.entity, clue.symptom.signals) == ("shop", frozenset({"frozen"}))


def test_a_series_that_never_moved_does_not_freeze(telemetry):
    rows = neighbours(telemetry) | {"shop/worker_limit": np.full(telemetry.times.size, 8.0)}
    assert absence(telemetry.observe(rows)) == []


def test_many_that_fall_silent_at_once_are_the_monitoring(telemetry):
    silent = {f"shop{i}/cpu_utilization": np.where(telemetry.after, np.nan, telemetry.step(0.3, 0.3)) for i in range(3)}
    assert absence(telemetry.observe(neighbours(telemetry, 5) | silent)) == []


def test_one_silent_series_of_many_is_not_the_service(telemetry):
    rows = neighbours(telemetry) | {f"shop/metric_{i}": telemetry.step(3, 3, i) for i in range(4)}
    rows["shop/metric_0"] = np.where(telemetry.after, np.nan, rows["shop/metric_0"])
    assert absence(telemetry.observe(rows)) == []


def test_a_sparse_series_is_not_missed(telemetry):
    rare = np.full(telemetry.times.size, np.nan)
    rare[0:60:6] = 1.0
    assert absence(telemetry.observe(neighbours(telemetry) | {"shop/cpu_utilization": rare})) == []


# Onset order


def delayed(telemetry, minutes: int, seed: int):
    row = np.where(telemetry.times >= telemetry.onset + 60 * minutes, 0.5, 0.1)
    return row * (1 + 0.02 * np.random.default_rng(seed).standard_normal(row.size))


def starts(telemetry, **minutes: int):
    return {f"{name}/latency_seconds": delayed(telemetry, m, i) for i, (name, m) in enumerate(minutes.items())}


def test_the_first_to_leave_its_normal_is_nearer_to_the_cause(telemetry):
    rows = starts(telemetry, store=0, shop=6, mail=7, front=8)
    (clue,) = onset_order(telemetry.observe(rows))
    assert (clue.entity, clue.strength) == ("store", 0.75)


def test_onsets_closer_than_two_samples_have_no_order(telemetry):
    assert onset_order(telemetry.observe(starts(telemetry, store=0, shop=1, mail=2, front=1))) == []


def test_where_half_of_all_lead_nobody_does(telemetry):
    assert onset_order(telemetry.observe(starts(telemetry, store=0, shop=1, mail=7, front=8))) == []


def test_one_that_fails_alone_leads_nobody(telemetry):
    assert onset_order(telemetry.observe(starts(telemetry, store=0))) == []


# Tenants


def hosted(sick: set[str]):
    """Four services on each of two machines."""
    nodes = tuple(Node(f"{host}{i}", host=f"machine-{host}") for host in "ab" for i in range(4))
    return Topology(nodes), {f"{node.name}/latency_seconds": node.name in sick for node in nodes}


def crowd(telemetry, *sick: str):
    topology, ill = hosted(set(sick))
    rows = {name: telemetry.step(0.1, 0.5 if bad else 0.1, i) for i, (name, bad) in enumerate(ill.items())}
    return tenants(telemetry.observe(rows, topology=topology))


def test_tenants_that_suffer_together_blame_their_machine(telemetry):
    (clue,) = crowd(telemetry, "a0", "a1", "a2")
    assert (clue.entity, clue.kinds) == ("machine-a", {FaultKind.INFRASTRUCTURE: 1.0})


def test_one_sick_tenant_does_not_blame_its_machine(telemetry):
    assert crowd(telemetry, "a0") == []


def test_trouble_on_every_machine_blames_none(telemetry):
    assert crowd(telemetry, "a0", "a1", "a2", "b0", "b1", "b2") == []


def test_the_series_of_these_tests_mean_what_their_names_say():
    assert measure_of("requests_per_second") is Measure.TRAFFIC
    assert measure_of("availability") is Measure.ERRORS
    assert measure_of("latency_mean_seconds") is measure_of("latency_p99_seconds") is Measure.LATENCY
    assert measure_of("memory_rss_bytes") is measure_of("memory_utilization") is Measure.MEMORY


def test_a_service_that_is_not_up_any_more_is_down(telemetry):
    up = np.ones(telemetry.times.size)
    up[-3:] = 0.0  # too few for a level: an alert on it fires after two
    (clue,) = absence(telemetry.observe(neighbours(telemetry) | {"shop/up": up}))
    assert clue.entity == "shop"
    assert max(clue.kinds, key=lambda kind: clue.kinds[kind]) is FaultKind.DEPENDENCY_OUTAGE


def test_a_service_that_missed_one_check_is_not_down(telemetry):
    up = np.ones(telemetry.times.size)
    up[-2] = 0.0
    assert absence(telemetry.observe(neighbours(telemetry) | {"shop/up": up})) == []


@pytest.mark.parametrize(("lent", "weaker"), [(12.0, False), (6.0, True)])
def test_waiting_for_a_pool_that_has_room_is_not_exhaustion(telemetry, lent: float, weaker: bool):
    waits = {"shop/db_pool_wait_p99_seconds": telemetry.step(0.001, 0.3)}
    pool = {
        "shop/db_pool_in_use": telemetry.step(1.0, lent, 1),
        "shop/db_pool_max": np.full(telemetry.times.size, 12.0),
    }

    def waiting(rows) -> float:
        clues = saturation(telemetry.observe(rows))
        return max(clue.strength for clue in clues if clue.symptom.subject == "db_pool_wait_p99_seconds")

    assert (waiting(waits | pool) < 0.5 * waiting(waits)) is weaker
