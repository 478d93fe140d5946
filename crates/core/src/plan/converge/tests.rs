use super::*;
use crate::automation::Rule;
use crate::branch::{QuotaState, Runtime, SafeMigrations, Seed};
use crate::handover::Life;
use crate::id::BranchId;
use std::collections::BTreeMap;

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id<T: From<crate::id::RawId>>(n: u8) -> T {
    T::from(crate::id::RawId::from_entropy([n; 12]))
}

fn automation(rule: &str) -> Automation {
    Automation {
        id: id(1),
        database_id: id(2),
        integration_id: id(3),
        name: crate::name::AutomationName::parse("sprints").unwrap(),
        enabled: true,
        rule: serde_json::from_str::<Rule>(rule).unwrap(),
        actor: String::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

/// What a control does with steps, in memory.
struct World {
    automation: Automation,
    binding: Binding,
    branch: Option<Branch>,
    begun: bool,
    failure: Option<String>,
    issued: Vec<Issued>,
    schema_known: bool,
    unmerged: bool,
    examined: bool,
    backup: Option<BackupState>,
    drawn: u8,
    made: usize,
}

impl World {
    fn new(rule: &str) -> Self {
        Self {
            automation: automation(rule),
            binding: Binding {
                id: id(4),
                automation_id: id(1),
                iteration_id: id(5),
                branch_id: id(10),
                branch_name: None,
                state: BindingState::Waiting,
                reason: None,
                followed_name: None,
                ending: None,
                attempts: 0,
                check_at: None,
                asked: 0,
                created_at: at(0),
                updated_at: at(0),
            },
            branch: None,
            begun: false,
            failure: None,
            issued: Vec::new(),
            schema_known: false,
            unmerged: false,
            examined: false,
            backup: None,
            drawn: 10,
            made: 0,
        }
    }

    /// Does everything that there is to do, and says what.
    fn run(&mut self, phase: Phase, name: &str, now: i64) -> Vec<Step> {
        let mut done = Vec::new();
        self.examined = false;
        for _ in 0..30 {
            let wanted = BranchName::parse(name).unwrap();
            let seen = match (&self.branch, &self.failure, self.begun) {
                (Some(branch), ..) => SeenBranch::There(branch),
                (None, Some(why), _) => SeenBranch::Failed(why),
                (None, None, true) => SeenBranch::Gone,
                (None, None, false) => SeenBranch::None,
            };
            let plan = plan_convergence(&ConvergeFacts {
                now: at(now),
                automation: &self.automation,
                binding: &self.binding,
                branch: seen,
                default: false,
                phase,
                iteration_name: name,
                starts_at: Some(at(10 * DAY)),
                matches: Ok(true),
                name: Ok(&wanted),
                issued: &self.issued,
                schema_known: self.schema_known,
                unmerged: self.examined.then_some(self.unmerged),
                backup: self.backup,
            });
            match plan {
                Convergence::Do(step) => {
                    self.carry_out(&step, name, now);
                    done.push(step);
                }
                Convergence::Rest {
                    state,
                    reason,
                    check_at,
                } => {
                    self.binding.state = state;
                    self.binding.reason = reason;
                    self.binding.check_at = check_at;
                    return done;
                }
            }
        }
        panic!("does not come to rest: {done:?}");
    }

    fn carry_out(&mut self, step: &Step, name: &str, now: i64) {
        let branch = self.branch.as_mut();
        match step {
            Step::Create(n) => {
                self.made += 1;
                self.begun = true;
                self.binding.branch_name = Some(n.to_string());
                self.binding.followed_name = Some(name.to_owned());
                self.binding.state = BindingState::Making;
                self.branch = Some(made(self.binding.branch_id, n.clone()));
            }
            Step::Issue(name) => self.issue(name, 1, now),
            Step::Rotate(name) => {
                let mut all = self.issued.iter();
                let before = all.position(|i| i.credential == *name).unwrap();
                let before = self.issued.remove(before);
                self.issue(name, before.generation + 1, now);
            }
            Step::ReadSchema => self.schema_known = true,
            Step::Rename(n) => {
                branch.unwrap().name = n.clone();
                self.binding.branch_name = Some(n.to_string());
                self.binding.followed_name = Some(name.to_owned());
            }
            Step::Label => {
                let own = branch.unwrap().name.to_string();
                self.binding.branch_name.get_or_insert(own);
                self.binding.followed_name = Some(name.to_owned());
            }
            Step::End(ended) => self.binding.ending = Some(*ended),
            Step::Reopen => self.binding.ending = None,
            Step::Sleep => branch.unwrap().state = BranchState::Sleeping,
            Step::Examine => self.examined = true,
            Step::BackUp => {
                self.backup = Some(BackupState::Success);
                let ending = self.binding.ending.as_mut().unwrap();
                ending.backed_up = Some(id(20));
            }
            Step::Unprotect => branch.unwrap().deletion_protected = false,
            Step::Delete => {
                self.branch = None;
                self.binding.state = BindingState::Deleted;
            }
            Step::Anew(pause) => {
                self.drawn += 1;
                self.begun = false;
                self.binding.branch_id = id(self.drawn);
                self.binding.ending = None;
                self.binding.attempts += u32::from(self.failure.take().is_some());
                self.binding.check_at = Some(at(now).checked_add(*pause).unwrap());
                self.binding.state = match pause.is_zero() {
                    true => BindingState::Waiting,
                    false => BindingState::Failed,
                };
                self.issued.clear();
                self.schema_known = false;
            }
        }
    }
}

impl World {
    fn issue(&mut self, name: &str, generation: u32, now: i64) {
        let ttl = self.automation.rule.credentials[name].ttl;
        let ttl = ttl.map(|t| t.duration());
        self.issued.push(Issued {
            credential: name.to_owned(),
            generation,
            life: ttl.map(|ttl| Life {
                ttl,
                expires_at: at(now).checked_add(ttl).unwrap(),
            }),
        });
    }
}

fn made(id: BranchId, name: BranchName) -> Branch {
    Branch {
        id,
        database_id: self::id(2),
        name,
        parent: None,
        production: false,
        state: BranchState::Ready,
        seed: Seed::Schema,
        runtime: Runtime::Managed,
        engine: "mysql-9.7.4".parse().unwrap(),
        volume: self::id(7),
        instance: self::id(8),
        deletion_protected: false,
        labels: BTreeMap::new(),
        expires_at: None,
        sleep_after: None,
        event_scheduler: false,
        size: None,
        max_connections: None,
        disk_quota: None,
        quota: QuotaState::Free,
        safe_migrations: SafeMigrations::Off,
        deleting: false,
        actor: String::new(),
        created_at: at(0),
        updated_at: at(0),
        schema_updated_at: None,
    }
}

const SIMPLE: &str = r#"{"integration": "x", "credentials": {"app": {}}}"#;

#[test]
fn an_iteration_has_one_branch_from_its_plan_to_its_end() {
    let mut world = World::new(SIMPLE);
    let name = BranchName::parse("one").unwrap();
    assert_eq!(
        world.run(Phase::Planned, "one", 1),
        [
            Step::Create(name),
            Step::Issue("app".into()),
            Step::ReadSchema
        ]
    );
    assert_eq!(world.binding.state, BindingState::Made);
    for _ in 0..3 {
        assert_eq!(world.run(Phase::Started, "one", 2), []);
    }
    let other = BranchName::parse("two").unwrap();
    assert_eq!(world.run(Phase::Started, "two", 3), [Step::Rename(other)]);
    let steps = world.run(Phase::Ended(at(DAY)), "two", DAY);
    assert!(
        matches!(steps[..], [Step::End(_), Step::Sleep, Step::End(_)]),
        "{steps:?}"
    );
    assert_eq!(world.binding.state, BindingState::Ended);
    // Somebody connects: it is not put to sleep again.
    world.branch.as_mut().unwrap().state = BranchState::Ready;
    assert_eq!(world.run(Phase::Ended(at(DAY)), "two", DAY + 5), []);
    assert_eq!(world.run(Phase::Started, "two", DAY + 9), [Step::Reopen]);
    assert_eq!(
        world.run(Phase::Ended(at(2 * DAY)), "two", 2 * DAY).len(),
        3
    );
    assert_eq!(world.made, 1);
}

#[test]
fn a_branch_whose_making_was_not_noted_follows_the_name_that_came_meanwhile() {
    let renamed = Step::Rename(BranchName::parse("two").unwrap());
    for (name, step) in [("one", Step::Label), ("two", renamed)] {
        let mut world = World::new(SIMPLE);
        world.run(Phase::Planned, "one", 1);
        world.binding.branch_name = None;
        world.binding.followed_name = None;
        assert_eq!(world.run(Phase::Planned, name, 2), [step]);
        assert_eq!(world.binding.branch_name.as_deref(), Some(name));
        assert_eq!(world.run(Phase::Planned, name, 3), []);
    }
}

#[test]
fn it_is_made_when_the_rule_says() {
    for (when, phase, now, made) in [
        ("planned", Phase::Planned, 1, true),
        ("started", Phase::Planned, 1, false),
        ("started", Phase::Planned, 10 * DAY, true),
        ("started", Phase::Started, 1, true),
        ("2d before start", Phase::Planned, 8 * DAY - 1, false),
        ("2d before start", Phase::Planned, 8 * DAY, true),
        ("2d before start", Phase::Started, 1, true),
    ] {
        let rule = format!(r#"{{"integration": "x", "when": "{when}"}}"#);
        let mut world = World::new(&rule);
        world.run(phase, "one", now);
        assert_eq!(world.made == 1, made, "{when} {phase:?} {now}");
        assert_eq!(world.binding.check_at.is_some(), !made, "{when}");
    }
}

#[test]
fn what_is_over_when_it_is_first_heard_of_ends_as_if_it_had_been_heard_of_in_time() {
    for (on, phase, made) in [
        ("sleep", Phase::Ended(at(5)), true),
        ("keep", Phase::Ended(at(5)), true),
        ("delete after 1d", Phase::Ended(at(5)), true),
        ("delete", Phase::Ended(at(5)), false),
        // Before the automation was there.
        ("sleep", Phase::Ended(at(-5)), false),
        ("sleep", Phase::Deleted(at(5)), false),
    ] {
        let rule = format!(r#"{{"integration": "x", "on": {{"ended": "{on}"}}}}"#);
        let mut world = World::new(&rule);
        world.run(phase, "one", 9);
        assert_eq!(world.made == 1, made, "{on} {phase:?}");
    }
}

fn deleting(more: &str) -> World {
    let rule = format!(
        r#"{{"integration": "x", "on": {{"ended": "delete after 1d", "deleted": "delete"}}{more}}}"#
    );
    let mut world = World::new(&rule);
    world.run(Phase::Planned, "one", 1);
    world
}

#[test]
fn a_branch_goes_in_its_time_and_comes_back_with_its_iteration() {
    let mut world = deleting("");
    world.run(Phase::Ended(at(DAY)), "one", DAY);
    assert_eq!(
        (world.binding.state, world.binding.check_at),
        (BindingState::Ended, Some(at(2 * DAY)))
    );
    assert_eq!(
        world.run(Phase::Ended(at(DAY)), "one", 2 * DAY),
        [Step::Examine, Step::Delete]
    );
    assert_eq!(world.binding.state, BindingState::Deleted);
    assert_eq!(world.run(Phase::Ended(at(DAY)), "one", 3 * DAY), []);
    world.run(Phase::Started, "one", 4 * DAY);
    assert_eq!((world.made, world.binding.state), (2, BindingState::Made));
}

#[test]
fn what_speaks_against_a_deletion_is_told_and_holds_it() {
    let over = Phase::Deleted(at(5));
    let held = |mut world: World| {
        world.run(over, "one", 9);
        assert!(world.branch.is_some());
        assert_eq!(world.binding.state, BindingState::Held);
        assert!(world.binding.check_at.is_some());
        world.binding.reason.unwrap()
    };
    let mut world = deleting("");
    world.unmerged = true;
    assert!(held(world).contains("changes of the schema"));
    let mut world = deleting("");
    world.branch.as_mut().unwrap().deletion_protected = true;
    assert!(held(world).contains("protected"));
    let mut world = deleting("");
    world.branch.as_mut().unwrap().production = true;
    assert!(held(world).contains("production"));
    // The rule's own protection gives way to the rule.
    let mut world = deleting(r#", "branch": {"deletion_protected": true}"#);
    world.branch.as_mut().unwrap().deletion_protected = true;
    world.run(over, "one", 9);
    assert_eq!(world.binding.state, BindingState::Deleted);
    // Deleted while it was being made: nobody can have worked on it.
    let mut world = deleting("");
    world.unmerged = true;
    world.branch.as_mut().unwrap().state = BranchState::Pending;
    world.run(over, "one", 9);
    assert_eq!(world.binding.state, BindingState::Deleted);
}

#[test]
fn a_backup_comes_before_the_deletion() {
    let rule =
        r#"{"integration": "x", "on": {"ended": "back up then delete", "delete_unmerged": true}}"#;
    let mut world = World::new(rule);
    world.run(Phase::Planned, "one", 1);
    let steps = world.run(Phase::Ended(at(5)), "one", 9);
    assert!(
        matches!(steps[..], [Step::End(_), Step::BackUp, Step::Delete]),
        "{steps:?}"
    );
    let mut world = World::new(rule);
    world.run(Phase::Planned, "one", 1);
    world.backup = Some(BackupState::Failed);
    world.binding.ending = Some(Ended {
        why: Over::Ended,
        at: at(5),
        done: false,
        backed_up: Some(id(20)),
    });
    world.run(Phase::Ended(at(5)), "one", 9);
    assert_eq!(world.binding.state, BindingState::Held);
}

#[test]
fn a_branch_that_somebody_deleted_stays_away_unless_the_rule_says_so() {
    let mut world = World::new(SIMPLE);
    world.run(Phase::Planned, "one", 1);
    world.branch = None;
    assert_eq!(world.run(Phase::Started, "one", 2), []);
    assert_eq!(world.binding.state, BindingState::Gone);
    assert_eq!(world.run(Phase::Ended(at(3)), "one", 4), []);
    assert_eq!(world.run(Phase::Started, "one", 5), []);
    let mut world = World::new(r#"{"integration": "x", "on": {"gone": "remake"}}"#);
    world.run(Phase::Planned, "one", 1);
    world.branch = None;
    world.run(Phase::Started, "one", 2);
    assert_eq!((world.made, world.binding.state), (2, BindingState::Made));
}

#[test]
fn what_could_not_be_made_is_tried_again_later_and_later() {
    let mut world = World::new(SIMPLE);
    world.run(Phase::Planned, "one", 1);
    world.branch = None;
    world.failure = Some("the disk is full".into());
    assert_eq!(world.run(Phase::Planned, "one", 2), [Step::Anew(PAUSE)]);
    assert_eq!(world.binding.state, BindingState::Failed);
    assert_eq!(world.run(Phase::Planned, "one", 5), []);
    world.run(Phase::Planned, "one", 12);
    assert_eq!((world.made, world.binding.state), (2, BindingState::Made));
}

#[test]
fn a_name_that_a_person_gave_stays() {
    let mut world = World::new(SIMPLE);
    world.run(Phase::Planned, "one", 1);
    world.branch.as_mut().unwrap().name = BranchName::parse("mine").unwrap();
    assert_eq!(world.run(Phase::Planned, "two", 2), [Step::Label]);
}

/// Whatever steps of an iteration's life are seen, and which are missed: once its last state is known,
/// there is the branch that this state wants.
#[test]
fn any_way_through_a_life_leads_to_the_same_end() {
    let phases = [
        Phase::Planned,
        Phase::Started,
        Phase::Ended(at(50)),
        Phase::Started,
        Phase::Ended(at(60)),
    ];
    for mask in 0..(1u32 << (phases.len() - 1)) {
        let mut world = World::new(SIMPLE);
        for (n, phase) in phases.iter().enumerate() {
            let last = n == phases.len() - 1;
            if last || mask & (1 << n) != 0 {
                world.run(*phase, "one", 70);
                world.run(*phase, "one", 70);
            }
        }
        assert_eq!(world.made, 1, "{mask:b}");
        assert_eq!(world.binding.state, BindingState::Ended, "{mask:b}");
        let branch = world.branch.unwrap();
        assert_eq!(branch.state, BranchState::Sleeping, "{mask:b}");
    }
}

#[test]
fn credentials_are_replaced_while_the_iteration_is_under_way() {
    let rule = r#"{"integration": "x", "credentials": {"app": {"ttl": "10d"}, "ci": {}}}"#;
    let mut world = World::new(rule);
    let rotate = [Step::Rotate("app".into())];
    world.run(Phase::Planned, "one", 0);
    assert_eq!(world.binding.check_at, Some(at(8 * DAY)));
    assert_eq!(world.run(Phase::Started, "one", 8 * DAY - 1), []);
    // One successor, however often it is looked at.
    assert_eq!(world.run(Phase::Started, "one", 8 * DAY), rotate);
    assert_eq!(world.run(Phase::Started, "one", 8 * DAY), []);
    assert_eq!(world.binding.check_at, Some(at(16 * DAY)));
    // It sleeps: whoever wakes it has a credential for that.
    world.branch.as_mut().unwrap().state = BranchState::Sleeping;
    assert_eq!(world.run(Phase::Started, "one", 17 * DAY), rotate);
    // The iteration is over: nobody needs another; it goes on: somebody does.
    world.run(Phase::Ended(at(18 * DAY)), "one", 18 * DAY);
    assert_eq!(world.binding.check_at, None);
    assert_eq!(world.run(Phase::Ended(at(18 * DAY)), "one", 40 * DAY), []);
    let again = world.run(Phase::Started, "one", 41 * DAY);
    assert_eq!(again, [Step::Reopen, rotate[0].clone()]);
    let generations: Vec<u32> = world.issued.iter().map(|i| i.generation).collect();
    assert_eq!(generations, [1, 4]);
    // Switched off: nothing.
    world.automation.enabled = false;
    assert_eq!(world.run(Phase::Started, "one", 90 * DAY), []);
}

#[test]
fn a_credential_of_a_branch_that_is_being_made_waits() {
    let rule = r#"{"integration": "x", "credentials": {"app": {"ttl": "1h"}}}"#;
    let mut world = World::new(rule);
    world.run(Phase::Planned, "one", 0);
    world.branch.as_mut().unwrap().state = BranchState::Pending;
    assert_eq!(world.run(Phase::Planned, "one", 3_000), []);
    assert_eq!(world.binding.state, BindingState::Making);
    world.branch.as_mut().unwrap().state = BranchState::Ready;
    let rotate = [Step::Rotate("app".into())];
    assert_eq!(world.run(Phase::Planned, "one", 3_000), rotate);
}
