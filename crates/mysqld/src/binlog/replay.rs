//! A replay: ranges in, transactions applied.

use super::applier::Applier;
use super::filter::{Filter, Next};
use crate::VolumeDir;
use crate::instance::aside;
use offshoot_core::binlog::{Replayed, Until};
use offshoot_core::gtid::GtidSet;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{PortResult, Ranges};

pub(super) async fn replay(
    endpoint: &Endpoint,
    volume: VolumeDir,
    from: &GtidSet,
    until: &Until,
    ranges: &mut dyn Ranges,
) -> PortResult<Replayed> {
    let mut applier = Applier::open(endpoint, volume.clone(), from).await?;
    let mut filter = Filter::new(volume, from.clone(), until.clone(), applier.applied.clone());
    loop {
        let (next, back) = aside(move || {
            let next = filter.advance()?;
            Ok((next, filter))
        })
        .await?;
        filter = back;
        match next {
            Next::Apply(batch) => applier.apply(batch).await?,
            Next::Define(definition) => {
                applier.applied = filter.applied.clone();
                applier.define(&definition).await?;
            }
            Next::Over => break,
            Next::Range => match ranges.next().await? {
                Some(range) => filter.take(range)?,
                None => {
                    if let Some(batch) = filter.finish()? {
                        applier.apply(batch).await?;
                    }
                    break;
                }
            },
        }
    }
    applier.close().await?;
    filter.replayed()
}
