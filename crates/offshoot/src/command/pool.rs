//! `offshoot pool`: what the pool is, and a copy-on-write one in an image file.

use super::Context;
use crate::config::size;
use crate::machine::pool_dir;
use anyhow::{Context as _, Result, bail, ensure};
use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use offshoot_api_types::BranchUsage;
use offshoot_cli::Format;
use offshoot_client::{Client, PageOf, Token};
use offshoot_volumes::image::{
    self, Boot, ImageFs, ImageRecord, Mounted, PoolImage, Progress, Step,
};
use offshoot_volumes::{Pool, PoolReport};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Driver, size, use, and what each branch takes that nothing else shares
    Show,
    /// Make a copy-on-write pool in an image file and mount it (root)
    Create {
        /// Size of the image, fully allocated, such as 20G
        #[arg(long)]
        size: String,
        /// Filesystem in the image
        #[arg(long, value_enum, default_value = "btrfs")]
        fs: Filesystem,
        /// The image file [default: pool.img in the data directory]
        #[arg(long, value_name = "FILE")]
        image: Option<PathBuf>,
    },
    /// Mount the pool that `create` made, after somebody unmounted it (root)
    Mount,
    /// Grow the image to a new size while it is in use (root)
    Grow {
        /// The new size, such as 40G
        #[arg(long)]
        size: String,
    },
    /// Unmount the image and delete it (root)
    Remove {
        /// With the volumes in it
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Filesystem {
    Btrfs,
    Xfs,
}

/// What `pool show --format json` prints.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    pool: PoolReport,
    /// By name; `null` when no server runs that could name them.
    branches: Option<Vec<BranchUsage>>,
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) async fn run(context: Context, command: Command) -> Result<ExitCode> {
    let dir = pool_dir(&context.dir, &context.config);
    match command {
        Command::Show => {
            ensure!(
                dir.exists(),
                "there is no pool at {} yet: the first `offshoot serve` makes it",
                dir.display()
            );
            show(&context, Pool::inspect(&dir)?).await?;
        }
        Command::Create {
            size: text,
            fs,
            image,
        } => {
            context.dir.create()?;
            let wanted = PoolImage {
                path: image.unwrap_or_else(|| context.dir.root().join("pool.img")),
                size: size(&text)?,
                fs: match fs {
                    Filesystem::Btrfs => ImageFs::Btrfs,
                    Filesystem::Xfs => ImageFs::Xfs,
                },
                mount_point: dir,
                boot: Boot::detect(),
            };
            let made = with_progress(|progress| image::create_image(&wanted, progress)).await?;
            println!(
                "The pool is {} on {}, mounted at {}.",
                made.fs.as_str(),
                made.path.display(),
                made.mount_point.display()
            );
        }
        Command::Mount => {
            let mounted = image::ensure_mounted(&dir)?;
            if mounted == Mounted::NoImage {
                bail!(
                    "no pool image was made for {}; `offshoot pool create --size 20G` makes one",
                    dir.display()
                );
            }
            println!("The pool is mounted at {}.", dir.display());
        }
        Command::Grow { size: text } => {
            let to = size(&text)?;
            let grown =
                with_progress(move |progress| image::grow_image(&dir, to, progress)).await?;
            println!("The pool has {} now.", indicatif::HumanBytes(grown.size));
        }
        Command::Remove { force } => {
            image::remove_image(&dir, force)?;
            println!(
                "The image is gone; the pool is the plain directory {}.",
                dir.display()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one of the slow calls beside a progress bar.
async fn with_progress(
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<ImageRecord, offshoot_volumes::PoolError>
    + Send,
) -> Result<ImageRecord> {
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}")
            .expect("the template is fixed"),
    );
    let result = work(&mut |at: Progress| {
        bar.set_message(match at.step {
            Step::Allocating => "allocating",
            Step::Formatting => "formatting",
            Step::Moving => "moving volumes",
            Step::Mounting => "mounting",
            Step::Growing => "growing",
        });
        bar.set_length(at.total);
        bar.set_position(at.done);
    });
    bar.finish_and_clear();
    Ok(result?)
}

async fn show(context: &Context, pool: PoolReport) -> Result<()> {
    let shown = Shown {
        pool,
        branches: branches(context).await,
    };
    let text = match context.globals.format() {
        Format::Json => serde_json::to_string_pretty(&shown).context("cannot print")? + "\n",
        Format::Csv => {
            let mut text = "database,branch,allocated_bytes,unique_bytes\n".to_owned();
            for usage in shown.branches.iter().flatten() {
                writeln!(
                    text,
                    "{},{},{},{}",
                    usage.database, usage.branch, usage.allocated_bytes, usage.unique_bytes
                )?;
            }
            text
        }
        Format::Human => human(&shown)?,
    };
    super::print(&text)
}

fn human(shown: &Shown) -> Result<String, std::fmt::Error> {
    let bytes = |n: u64| indicatif::BinaryBytes(n).to_string();
    let pool = &shown.pool;
    let mut text = String::new();
    writeln!(text, "driver     {}", pool.driver)?;
    writeln!(text, "location   {}", pool.location.display())?;
    if let Some(image) = &pool.image {
        writeln!(text, "image      {}", image.path.display())?;
    }
    writeln!(text, "size       {}", bytes(pool.size))?;
    writeln!(text, "used       {}", bytes(pool.used))?;
    writeln!(text, "free       {}", bytes(pool.free))?;
    writeln!(text, "snapshots  {}", pool.snapshots)?;
    writeln!(text, "volumes    {}", pool.volumes.len())?;
    match &shown.branches {
        Some(branches) => {
            for usage in branches {
                writeln!(
                    text,
                    "  {}/{}  {} of its own",
                    usage.database,
                    usage.branch,
                    bytes(usage.unique_bytes)
                )?;
            }
        }
        None => {
            for volume in &pool.volumes {
                writeln!(
                    text,
                    "  volume {}  {} of its own",
                    volume.id,
                    bytes(volume.unique)
                )?;
            }
        }
    }
    if let Some(advice) = &pool.advice {
        writeln!(
            text,
            "\nBranches are full copies here. As root, with the server stopped, this makes a pool that shares blocks:\n  {advice}"
        )?;
    }
    Ok(text)
}

/// Branches by name, from the server on this machine, if it runs.
async fn branches(context: &Context) -> Option<Vec<BranchUsage>> {
    let token = Token::parse(&std::fs::read_to_string(context.dir.root_token()).ok()?)?;
    let base = context
        .globals
        .api_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", context.config.http.listen));
    let client = Client::new(&base, Some(&token)).ok()?;
    let mut all = Vec::new();
    for page in 1.. {
        let part = client
            .list_usage(PageOf {
                page: Some(page),
                per_page: Some(100),
            })
            .await
            .ok()?;
        let last = part.next_page.is_none();
        all.extend(part.data);
        if last {
            break;
        }
    }
    Some(all)
}
