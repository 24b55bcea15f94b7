"""The tables of docs/evidence.md and README.md have the numbers of docs/evidence.json."""
import json
import re
from statistics import mean

import numpy as np
import pytest

from tests.helpers.paths import ROOT

PAGE = (ROOT / 'docs/evidence.md').read_text()
#: Columns of the tables, and half of their last digit.
COLUMNS = {'knn_20': .0501, 'linear_1%': .0501, 'linear_10%': .0501, 'linear': .0501,
           'rank': .501}
LONGER = r'.*_(10|20)e'


def _results() -> dict[str, list[dict]]:
    """Runs by config and in the order of the seeds, with the effective rank at the end."""
    results = {}
    for run in sorted(json.loads((ROOT / 'docs/evidence.json').read_text()),
                      key=lambda run: run['seed']):
        ranks = run['log']['online/effective_rank']
        results.setdefault(run['config'], []).append(
            run | dict(rank=list(ranks.values())[-1]))
    return results


RESULTS = _results()


def rows(title: str) -> dict[str, list[str]]:
    """Cells of the columns of results, by config, in the first table of a section."""
    table = re.search(rf'^##+ {title}\n(?:(?!\|).*\n)*((?:\|.*\n)+)', PAGE, re.M)[1]
    cells = [[cell.strip() for cell in line.strip('|\n').split('|')]
             for line in table.splitlines()[2:]]
    return {name.strip('`'): values for name, _, *values in cells}


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r'-?\d*\.?\d+', text)]


def check(cell: str, expected: list[float], column: str = 'linear') -> None:
    assert numbers(cell) == pytest.approx(expected, rel=0, abs=COLUMNS[column])


def check_rows(table: dict[str, list[str]], configs: dict[str, list[dict]]) -> None:
    assert table.keys() == configs.keys()
    for name, runs in configs.items():
        for column, cell in zip(COLUMNS, table[name], strict=True):
            check(cell, [run[column] for run in runs], column)


def test_results():
    table = rows('Results')
    deviations = table.pop('standard deviation over seeds')
    del table['untrained']
    configs = {name: runs for name, runs in RESULTS.items() if not re.fullmatch(LONGER, name)}
    check_rows(table, configs)
    for column, cell in zip(COLUMNS, deviations, strict=True):
        variances = [np.var([run[column] for run in runs], ddof=1)
                     for runs in configs.values() if len(runs) == 2]
        check(cell, [mean(variances) ** .5], column)


def test_longer_runs():
    check_rows(rows('Longer runs'), {
        name: runs for name, runs in RESULTS.items() if re.fullmatch(LONGER, name)})


def test_the_first_table_of_the_readme():
    lines = re.findall(r'^\| \[.*?\]\(configs/(\w+)\) \|(.*)', (ROOT / 'README.md').read_text(),
                       re.M)
    assert len(lines) == 6
    for method, line in lines:
        cell = line.split('|')[3]
        names = [name for name in (method, f'{method}_10e', f'{method}_20e') if name in RESULTS]
        names += [f'{method}_label-free'] if 'instead of CLIP' in cell else []
        check(cell, [mean(run[key] for run in RESULTS[name])
                     for name in names for key in ('knn_20', 'linear')])
