/** The rail: the state of each step, in one word, a count and a sentence. Derived from the facts, never stored. */
import { STEPS, type Job, type StepName, type StepState } from '../contract/state';
import { checkRows, checksAreStale, planStaleness, type Facts } from './facts';

type Rule = (facts: Facts) => StepState;

const STEP_OF_JOB: Readonly<Record<Job['kind'], StepName>> = {
  read: 'source',
  connect: 'fleet',
  check: 'checks',
  plan: 'plan',
  save: 'plan',
  rehearse: 'apply',
  apply: 'apply',
  verify: 'apply',
  undo: 'apply',
  assets: 'certificates',
  keys: 'certificates',
  backup: 'report',
  controls: 'controls',
  agent: 'agent',
  wave: 'waves',
  move: 'waves',
};

export function stepOfJob(kind: Job['kind']): StepName {
  return STEP_OF_JOB[kind];
}

/** A certificate that ends within this time wants a look before the switch. */
const SOON_MS = 30 * 86_400_000;

const RULES: Readonly<Record<StepName, Rule>> = {
  source({ source }) {
    if (source === null) return empty('No source has been read.');
    const errors = source.findings.filter(({ severity }) => severity === 'error').length;
    if (errors > 0) return attention(errors, `${counted(errors, 'finding')} must be looked at.`);
    const { devices, ready, caution, blocked } = source.counts;
    return done(
      devices,
      `${counted(devices, 'device')}: ${ready} ready, ${caution} with a caution, ${blocked} blocked.`,
    );
  },
  certificates({ source }) {
    if (source === null) return empty('Certificates are shown once a source was read.');
    // The sample tells its story as of its own time.
    const now = source.sample ? source.instant : source.readAt;
    const wrong = [source.scepCa, source.push].filter(
      (one) => one === null || !one.keyMatches || one.notAfter < now + SOON_MS,
    ).length;
    if (wrong > 0)
      return attention(wrong, 'The SCEP CA or the push certificate is missing, ends soon, or lacks its key.');
    return done(null, 'SCEP CA and push certificate are there with their keys.');
  },
  fleet({ fleet }) {
    if (fleet === null) return empty('Not connected to Fleet.');
    const wrong = fleet.grants.missing.length + fleet.triggers.length + (fleet.readOnly ? 1 : 0);
    if (wrong > 0) return attention(wrong, 'Connected; grants are missing, or something on the server needs a look.');
    return done(null, `Connected to ${fleet.database} at ${fleet.host}, Fleet ${fleet.generation}.`);
  },
  checks(facts) {
    if (facts.checks === null) return empty('The checks have not been run.');
    if (checksAreStale(facts)) return stale('Source or target changed since the checks were run.');
    const blocking = checkRows(facts).filter((row) => row.blocking).length;
    if (blocking > 0) return attention(blocking, `${counted(blocking, 'check')} hold apply up.`);
    const ofTarget = facts.checks.results.filter(({ phase }) => phase === 'target');
    if (ofTarget.length > 0 && ofTarget.every(({ status }) => status === 'skipped')) {
      return attention(ofTarget.length, 'Only the source was checked: Fleet’s database was not asked.');
    }
    return done(null, 'Nothing holds apply up.');
  },
  controls({ controls }) {
    if (controls === null) return empty('The profiles have not been compared.');
    const { conflicts, leftBehind } = controls;
    if (conflicts > 0) return attention(conflicts, `${counted(conflicts, 'conflict')} among the profiles.`);
    return done(
      leftBehind,
      leftBehind === 0
        ? 'No profile stays behind.'
        : `${counted(leftBehind, 'profile')} ${leftBehind === 1 ? 'stays' : 'stay'} behind on devices.`,
    );
  },
  agent({ agent }) {
    if (agent === null) return empty('Fleet has not been asked for its agents.');
    if (agent.without > 0) return attention(agent.without, `${counted(agent.without, 'Mac')} without Fleet’s agent.`);
    return done(null, 'Every Mac of the source has Fleet’s agent.');
  },
  plan(facts) {
    const { plan } = facts;
    if (plan === null) return empty('No plan has been made.');
    const why = planStaleness(facts);
    if (why !== null) return stale(why);
    const { insert, refresh, held } = plan.summary.counts;
    if (held > 0) return attention(held, `${counted(held, 'device')} held for a caution that was not accepted.`);
    return done(insert + refresh, `${counted(insert + refresh, 'device')} will be written.`);
  },
  apply({ applied, verified, rehearsal, undone }) {
    if (undone !== null && !undone.rehearsal && undone.finishedAt > (applied?.finishedAt ?? 0)) {
      if (undone.counts.left > 0)
        return attention(undone.counts.left, `Taken back; ${counted(undone.counts.left, 'device')} left.`);
      return done(undone.counts.removed, `${counted(undone.counts.removed, 'device')} taken back.`);
    }
    if (applied === null) {
      return empty(rehearsal === null ? 'Nothing has been written.' : 'Rehearsed; nothing has been written.');
    }
    const { counts } = applied;
    const wrong = verified === null ? 0 : verified.counts.differs + verified.counts.missing + verified.counts.extra;
    if (wrong > 0) return attention(wrong, `${counted(wrong, 'device')} read back other than planned.`);
    if (applied.state === 'stopped')
      return attention(counts.left, `Stopped; ${counted(counts.left, 'device')} not reached.`);
    if (counts.held > 0) return attention(counts.held, `${counted(counts.held, 'device')} held back while applying.`);
    const written = counts.inserted + counts.refreshed + counts.unchanged + counts.already;
    return done(written, `${counted(written, 'device')} in Fleet as planned.`);
  },
  cutover({ probes }) {
    if (probes === null) return empty('The network has not been asked.');
    const failing = probes.results.filter(({ status }) => status === 'fail').length;
    const warning = probes.results.filter(({ status }) => status === 'warn').length;
    if (failing > 0) return attention(failing, `${counted(failing, 'probe')} ${failing === 1 ? 'fails' : 'fail'}.`);
    if (warning > 0)
      return attention(warning, `${counted(warning, 'probe')} ${warning === 1 ? 'wants' : 'want'} a look.`);
    return done(null, `${probes.host} leads to Fleet in every respect that was asked.`);
  },
  waves({ waves: { ladder, routes } }) {
    if (ladder === null) return empty('No ladder has been made.');
    const problems = routes?.problems.length ?? 0;
    if (problems > 0) return attention(problems, 'Where devices go is in doubt.');
    if (ladder.open !== null) return attention(null, `The wave «${ladder.open.rung}» was begun and is not at its end.`);
    if (ladder.atFleet === 0) return empty('No device has moved yet.');
    const moved = ladder.rungs.filter(({ state }) => state === 'moved').length;
    return done(
      ladder.atFleet,
      `${counted(ladder.atFleet, 'device')} go to Fleet; ${moved} of ${counted(ladder.rungs.length, 'wave')} moved.`,
    );
  },
  devices({ source, watch }) {
    if (source === null) return empty('Devices are listed once a source was read.');
    const counts = watch?.look?.counts ?? null;
    if (counts !== null && counts.imported > 0) {
      const sentence = `${counts.migrated.toLocaleString('en')} of ${counted(counts.imported, 'imported device')} with Fleet.`;
      const wanting = counts.importedAttention;
      return wanting > 0
        ? attention(wanting, `${sentence} ${counted(wanting, 'device')} ${wanting === 1 ? 'needs' : 'need'} attention.`)
        : done(counts.migrated, sentence);
    }
    return done(source.counts.devices, counted(source.counts.devices, 'device'));
  },
  report({ reportedAt }) {
    return reportedAt === null ? empty('The report has not been written.') : done(null, 'The report was written.');
  },
  journal({ journals }) {
    return journals === 0 ? empty('Nothing has been journaled.') : done(journals, counted(journals, 'journal'));
  },
};

export function stepsOf(facts: Facts): Record<StepName, StepState> {
  const steps = {} as Record<StepName, StepState>;
  for (const step of STEPS) steps[step] = stepOf(step, facts);
  return steps;
}

function stepOf(step: StepName, facts: Facts): StepState {
  if (facts.workspace === null) return empty('No workspace is open.');
  if (facts.job !== null && stepOfJob(facts.job.kind) === step) {
    return { state: 'running', count: null, sentence: facts.job.label };
  }
  const failure = facts.failures[step];
  if (failure !== undefined) return attention(null, failure.message);
  return RULES[step](facts);
}

function empty(sentence: string): StepState {
  return { state: 'empty', count: null, sentence };
}

function done(count: number | null, sentence: string): StepState {
  return { state: 'done', count, sentence };
}

function attention(count: number | null, sentence: string): StepState {
  return { state: 'attention', count, sentence };
}

function stale(sentence: string): StepState {
  return { state: 'stale', count: null, sentence };
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
