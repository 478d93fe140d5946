//! This machine behind the ports: its pool, its engines, their processes.

use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::{Context, Result};
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_core::id::VolumeId;
use offshoot_core::port::{Engines, Instances, PortResult, Volumes};
use offshoot_mysqld::engine::Catalog;
use offshoot_mysqld::{DataDirs, Owner, VolumeDir};
use offshoot_schema::port::Schemas;
use offshoot_volumes::{Pool, PoolOptions};
use std::path::PathBuf;
use std::sync::Arc;
