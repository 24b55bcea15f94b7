"""All-gather: order, gradients of all processes, identity in one process."""
import pytest
import torch
from mmengine.dist import get_rank

from mmguided.ops import all_gather_with_grad, concat_all_gather
from tests.helpers.processes import in_processes


def test_one_process_gathers_what_it_has():
    x = torch.randn(3, 2, requires_grad=True)
    gathered = all_gather_with_grad(x)
    gathered.square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())
    assert torch.equal(gathered, x)
    plain = concat_all_gather(x)
    assert torch.equal(plain, x) and not plain.requires_grad


def _both_results():
    x = (torch.arange(4.).view(2, 2) + 10 * get_rank()).requires_grad_()
    plain = concat_all_gather(x.t())  # not contiguous
    gathered = all_gather_with_grad(x)
    (gathered * torch.arange(1., 5)[:, None] * (1 + get_rank())).sum().backward()
    z, y = torch.zeros(4, requires_grad=True), torch.zeros(2, requires_grad=True)
    ((z + all_gather_with_grad(y)) * (torch.arange(4.) + get_rank())).sum().backward()
    return plain, plain.requires_grad, gathered.detach(), x.grad, z.grad


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    """Results of both processes, by rank."""
    return in_processes(_both_results, tmp_path_factory.mktemp('gloo'))


def test_batches_come_in_the_order_of_the_ranks_on_all_of_them(two_processes):
    rows = torch.tensor([[0., 1], [2, 3], [10, 11], [12, 13]])
    columns = torch.tensor([[0., 2], [1, 3], [10, 12], [11, 13]])
    for plain, requires_grad, gathered, *_ in two_processes:
        assert torch.equal(plain, columns) and not requires_grad
        assert torch.equal(gathered, rows)


def test_each_process_gets_the_gradients_of_all_losses(two_processes):
    """Gradients of its rows: weights 1, 2 and 3, 4, once from rank 0, twice from rank 1."""
    assert two_processes[0][3].tolist() == [[3, 3], [6, 6]]
    assert two_processes[1][3].tolist() == [[9, 9], [12, 12]]


def test_the_sum_over_processes_touches_no_other_gradient(two_processes):
    """Backward gets one tensor for both terms of a sum and must not modify it."""
    assert [result[4].tolist() for result in two_processes] == [[0, 1, 2, 3], [1, 2, 3, 4]]
