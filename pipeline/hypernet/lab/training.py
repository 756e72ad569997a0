"""One Lightning trainer for every domain: seeded, resumable after a kill, checked for NaN, open about progress."""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader, Dataset, Sampler

from hypernet.lab.config import TrainerSettings
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import derived_seed
from hypernet.lab.runs.record import TrainingRun


class StepSampler(Sampler[int]):
    """Numbers the training steps 0, 1, 2, ... up to ``max_steps``, ``check_every_steps`` of them to an epoch.

    A data set that makes batch i from the number i gives the same batches whether or not the training was
    interrupted between two epochs. With several devices each takes its own numbers.

    Args:
        max_steps: number of optimiser steps in all.
        check_every_steps: number of steps between two validations.
        epoch: the first epoch to number. Lightning fetches a batch ahead before it says which epoch it is in.
    """

    def __init__(self, max_steps: int, check_every_steps: int, epoch: int = 0):
        self.max_steps, self.check_every_steps, self.epoch = max_steps, check_every_steps, epoch

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch, also after a resume."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        world, rank = 1, 0
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            world, rank = torch.distributed.get_world_size(), torch.distributed.get_rank()
        first = self.epoch * self.check_every_steps
        for step in range(first, min(first + self.check_every_steps, self.max_steps)):
            yield step * world + rank


class StepData(pl.LightningDataModule):
    """Data of a training that counts steps: batch i of ``train_set`` is made from the number i.

    Args:
        train_set: maps the number of a step to a batch.
        validation_set: maps 0, 1, ... to the batches of every check.
        settings: length of the training and of its epochs.
    """

    def __init__(self, train_set: Dataset[Any], validation_set: Dataset[Any], settings: TrainerSettings):
        super().__init__()
        self.train_set, self.validation_set, self.settings = train_set, validation_set, settings

    def train_dataloader(self) -> DataLoader[Any]:
        """The batches in the order of their numbers, from the epoch that the training stands in."""
        assert self.trainer is not None
        sampler = StepSampler(self.settings.max_steps, self.settings.check_every_steps, self.trainer.current_epoch)
        return DataLoader(self.train_set, batch_size=None, sampler=sampler)

    def val_dataloader(self) -> DataLoader[Any]:
        """The same batches at every check."""
        return DataLoader(self.validation_set, batch_size=None)


def adam_with_cosine_decay(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float,
    final_share: float,
    steps: int,
    fused: bool = False,
    warm_up_steps: int = 0,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
) -> dict[str, Any]:
    """What ``configure_optimizers`` returns for Adam whose rate falls as a cosine to ``final_share`` of its start.

    Args:
        parameters: what is trained.
        learning_rate: at the first step.
        final_share: share of it at the last step, and after.
        steps: number of steps.
        fused: one pass over the parameters instead of one per operation: worth it from about a million of them.
        warm_up_steps: over so many steps the rate first rises from nearly 0 to the cosine.
        weight_decay: share of the weights, times the rate, that every step takes off (AdamW).
        betas: how slowly Adam forgets gradients and their squares.
    """
    optimizer = torch.optim.Adam(
        parameters,
        lr=learning_rate,
        fused=fused,
        betas=betas,
        weight_decay=weight_decay,
        decoupled_weight_decay=weight_decay > 0,
    )

    def share(step: int) -> float:
        progress = min(step / steps, 1.0)
        risen = min((step + 1) / warm_up_steps, 1.0) if warm_up_steps else 1.0
        return risen * (final_share + (1.0 - final_share) * 0.5 * (1.0 + math.cos(math.pi * progress)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class _AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that a kill cannot leave half-written."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        with atomic_path(Path(path)) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)


class _WholeEpochs(Callback):
    """Marks the epoch at whose end a checkpoint is written as done.

    Lightning writes it an instant before it counts the epoch, and after a resume it would end that epoch a second
    time, without data.
    """

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        loops = checkpoint["loops"]["fit_loop"]
        for counts in loops["epoch_progress"].values():
            counts["completed"] = counts["processed"]
        for name in ("epoch_loop.batch_progress", "epoch_loop.val_loop.batch_progress"):
            loops[name]["current"] = dict.fromkeys(loops[name]["current"], 0)
            loops[name]["is_last_batch"] = False


class _SeededEpochs(Callback):
    """Seeds the global random generators (dropout and the like draw from them) anew for each epoch.

    So nothing of their state has to be carried over a kill, nor does it matter who drew from them before.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # Not at the epoch's start: a loader's iterator draws from them too, before or after that moment.
        if batch_idx == 0:
            # A stream by its older name: another one would change every training.
            seed = derived_seed(self.seed, "epoch", trainer.current_epoch, trainer.global_rank)  # type: ignore[arg-type]
            pl.seed_everything(seed % 2**32, verbose=False)


class _FiniteLoss(Callback):
    """Stops a training whose loss is no longer a number."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if loss is not None and not torch.isfinite(loss).all():
            raise UserError(
                f"the training loss became {loss.item()} at step {trainer.global_step} "
                f"(batch {batch_idx} of epoch {trainer.current_epoch}); a lower learning rate may help"
            )


class _History(Callback):
    """Collects one row of numbers per epoch, across resumes, and passes each on to the log and, if asked, to MLflow."""

    def __init__(self, run: TrainingRun, max_steps: int):
        self.run, self.max_steps = run, max_steps
        self.rows: list[dict[str, float]] = []
        self._before, self._processor_before = 0.0, 0.0
        self._start()

    def _start(self) -> None:
        self._started, self._processor_started = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        """Seconds trained so far, those before a resume included, those lost by a kill not."""
        return self._before + time.monotonic() - self._started

    @property
    def processor_seconds(self) -> float:
        """The same of processor time (user and system) of this process, which other work beside does not stretch."""
        return self._processor_before + time.process_time() - self._processor_started

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self.seconds, "processor_seconds": self.processor_seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows, self._before = state["rows"], state["seconds"]
        self._processor_before = state["processor_seconds"]
        self._start()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        numbers = {key: float(value) for key, value in trainer.callback_metrics.items()}
        row = {"step": trainer.global_step, "seconds": round(self.seconds, 2), **numbers}
        self.rows.append(row)
        if not trainer.is_global_zero:
            return
        if self.run.live is not None:
            self.run.live.metrics({k: v for k, v in row.items() if k != "step"}, step=trainer.global_step)
        if not sys.stderr.isatty():
            shown = "  ".join(f"{key} {value:.5g}" for key, value in numbers.items())
            line = f"step {trainer.global_step} of {self.max_steps}  {self.seconds:.0f} s  {shown}"
            print(line, file=sys.stderr, flush=True)


class _EarlyStopping(EarlyStopping):
    """Early stopping that a kill after the last check does not undo."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def fit(
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    settings: TrainerSettings,
    run: TrainingRun,
    monitor: str,
    threads: int,
    stage: str = "",
) -> None:
    """Train ``module`` and leave the weights of its best check in it.

    Killed at any moment and started again it ends with the same weights, bit for bit on a CPU, as if it had
    never been interrupted: it goes on from the last whole epoch in ``run.work``.

    Args:
        module: the model; it logs ``monitor`` in validation, lower is better.
        data: its data; :class:`StepData` where batches are made from their numbers.
        settings: length, precision, devices.
        run: the run it belongs to; ``seconds``, ``processor_seconds``, ``history`` and ``best_step`` are added to its
            facts.
        monitor: name of the validation number by which the weights are chosen.
        threads: number of CPU threads for torch.
        stage: name of a further training of the same run: its facts stand under this name, apart from the first's.

    Raises:
        UserError: the loss is not a number (with the step and the batch).
    """
    use_threads(threads)
    _quiet_lightning()
    identity = run.identity
    seed = derived_seed(identity["seed"], identity["domain"], "training", identity["dataset"], identity["method"])
    history = _History(run, settings.max_steps)
    work = run.work / stage if stage else run.work
    best = _checkpoints(work, "best", monitor=monitor)
    last = _checkpoints(work, "last", monitor=None)
    callbacks: list[Callback] = [_WholeEpochs(), _SeededEpochs(seed), _FiniteLoss(), history]
    if settings.patience_checks is not None:
        # Judged at the same moment as the checkpoints, so that a resume sees the same count of bad checks.
        callbacks.append(_EarlyStopping(monitor, patience=settings.patience_checks, check_on_train_epoch_end=True))
    if sys.stderr.isatty():
        callbacks.append(TQDMProgressBar(refresh_rate=10))
    trainer = pl.Trainer(
        max_steps=settings.max_steps,
        accelerator=settings.accelerator,
        devices=settings.devices,
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip,
        callbacks=[*callbacks, best, last],
        plugins=[_AtomicCheckpoints()],
        logger=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        default_root_dir=work,
    )
    resume = work / "last.ckpt"
    if resume.is_file():
        print("resuming from the last whole epoch", file=sys.stderr, flush=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            trainer.fit(module, data, ckpt_path=str(resume) if resume.is_file() else None)
        except SystemExit:
            # Lightning's answer to Ctrl-C; the command line has its own.
            raise KeyboardInterrupt from None
    chosen = torch.load(work / "best.ckpt", map_location="cpu", weights_only=True)
    module.load_state_dict(chosen["state_dict"])
    facts = {
        "seconds": history.seconds,
        "processor_seconds": round(history.processor_seconds, 3),
        "best_step": chosen["global_step"],
        "history": history.rows,
    }
    run.facts |= {stage: facts} if stage else facts


def _checkpoints(directory: Path, name: str, monitor: str | None) -> ModelCheckpoint:
    return ModelCheckpoint(
        dirpath=directory,
        filename=name,
        monitor=monitor,
        mode="min",
        save_top_k=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _quiet_lightning() -> None:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
