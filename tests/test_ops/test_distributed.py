"""All-gather: order, gradients of all processes, identity in one process."""
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmguided.ops import all_gather_with_grad, concat_all_gather


def test_one_process_gathers_what_it_has():
    x = torch.randn(3, 2, requires_grad=True)
    gathered = all_gather_with_grad(x)
    gathered.square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())
    assert torch.equal(gathered, x)
    plain = concat_all_gather(x)
    assert torch.equal(plain, x) and not plain.requires_grad


def _process(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    x = (torch.arange(4.).view(2, 2) + 10 * rank).requires_grad_()
    plain = concat_all_gather(x.t())  # not contiguous
    gathered = all_gather_with_grad(x)
    (gathered * torch.arange(1., 5)[:, None] * (1 + rank)).sum().backward()
    z, y = torch.zeros(4, requires_grad=True), torch.zeros(2, requires_grad=True)
    ((z + all_gather_with_grad(y)) * (torch.arange(4.) + rank)).sum().backward()
    result = plain, plain.requires_grad, gathered.detach(), x.grad, z.grad
    torch.save(result, f'{folder}/{rank}.pt')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    """Results of both processes, by rank."""
    folder = tmp_path_factory.mktemp('gloo')
    # Forked, to spare each process the import of the toolboxes.
    mp.start_processes(_process, (str(folder), ), 2, start_method='fork')
    return [torch.load(folder / f'{rank}.pt') for rank in range(2)]


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
