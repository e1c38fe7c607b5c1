//! Ticks. The only file that knows tokio-cron-scheduler, which is asked for nothing else: it forgets
//! missed runs, freezes time zones and stops when the clock jumps, so what is due is found by looking
//! (`newsletter::schedule`), and a lost tick costs no more than the time to the next look.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

/// Wakes `wake` at every `every`, until `stop`.
pub async fn tick(
    every: Duration,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let job = Job::new_repeated(every, move |_, _| wake.notify_one())?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    stop.cancelled().await;
    scheduler.shutdown().await
}
