/** States the window can be in, with believable content. */
import { NO_CONTROLS } from '../../src/contract/no-controls';
import { NO_CUTOVER } from '../../src/contract/no-cutover';
import { NO_REPORT } from '../../src/contract/no-report';
import type { AppState, StepName, StepState } from '../../src/contract/state';
import { NOW, REASONS, type DeviceCrowd } from './device-crowd';
import { watchOf } from './watch-scenes';

export type Scene =
  'welcome' | 'first-time' | 'empty' | 'sample' | 'huge' | 'busy' | 'failing' | 'watched' | 'watch-failing';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const hash = (seed: string): string => seed.repeat(64).slice(0, 64);

function step(state: StepState['state'], sentence: string, count: number | null = null): StepState {
  return { state, count, sentence };
}

const UNBEGUN: Record<StepName, StepState> = {
  source: step('empty', 'Nothing has been read yet.'),
  certificates: step('empty', 'They come with the source.'),
  fleet: step('empty', 'Not connected yet.'),
  checks: step('empty', 'Not run yet.'),
  controls: step('empty', 'The profiles have not been compared.'),
  agent: step('empty', 'Fleet has not been asked for its agents.'),
  plan: step('empty', 'There is no plan yet.'),
  apply: step('empty', 'Nothing has been written.'),
  cutover: step('empty', 'The network has not been asked.'),
  waves: step('empty', 'No ladder has been made.'),
  devices: step('empty', 'They come with the source.'),
  report: step('empty', 'The report has not been written.'),
  journal: step('empty', 'Nothing was done yet.'),
};

const SETTINGS: NonNullable<AppState['workspace']>['settings'] = {
  badge: 'production',
  source: {
    reference: 'micromdm:/srv/backup/micromdm.db',
    caFile: '',
    pinSha256: '',
    salvage: false,
    ways: [],
    hostKeys: {},
  },
  fleet: {
    host: 'db.fleet.example.org',
    port: 3306,
    user: 'slipway',
    database: 'fleet_production',
    tls: 'verify-identity',
    caFile: '',
    plaintextConfirmed: false,
    url: 'https://fleet.example.org',
    urlCaFile: '',
  },
  accepted: ['probably-enrolled'],
  reason: 'Agreed with the customer on 20 November.',
  answers: {},
  planning: { serials: true, queue: false, teamMap: '' },
  watch: { interval: 30, staleDays: 7, silentDays: 3 },
  report: NO_REPORT,
  controls: NO_CONTROLS,
  cutover: { ...NO_CUTOVER, oldUrl: 'https://10.0.0.5:8443' },
  filters: [{ name: 'Library iPads', query: 'q=library&platform=ipados' }],
};

const BLANK: AppState = {
  revision: 1,
  workspace: null,
  steps: UNBEGUN,
  secrets: {
    held: [],
    remembered: [],
    cannotRemember: 'This machine has no keyring, so secrets are kept until Slipway is closed.',
  },
  source: null,
  fleet: null,
  checks: null,
  plan: null,
  rehearsal: null,
  applied: null,
  verified: null,
  undone: null,
  reportedAt: null,
  probes: null,
  waves: { ladder: null, routes: null, preview: null, last: null },
  controlsAt: null,
  agentAt: null,
  watch: null,
  job: null,
  failures: {},
};

export function stateOf(scene: Scene, crowd: DeviceCrowd): AppState {
  if (scene === 'welcome' || scene === 'first-time') return BLANK;
  const workspace = { name: 'Northwind Schools', path: '/home/operator/Slipway/northwind', settings: SETTINGS };
  if (scene === 'empty')
    return { ...BLANK, workspace: { ...workspace, settings: { ...SETTINGS, badge: 'unset', filters: [] } } };
  const source = sourceOf(crowd, scene === 'sample');
  if (scene === 'sample') {
    return {
      ...BLANK,
      source,
      steps: {
        ...UNBEGUN,
        source: step('done', 'Read the sample: 12 devices.'),
        certificates: step('done', 'The authority and the push certificate are there, with their keys.'),
        devices: step('attention', 'Some devices need a look.', 2),
      },
    };
  }
  const full = fullState({ ...BLANK, workspace, source }, crowd);
  if (scene === 'huge') return full;
  if (scene === 'watched' || scene === 'watch-failing') {
    return { ...full, watch: watchOf(crowd, scene === 'watch-failing') };
  }
  if (scene === 'failing') {
    return {
      ...full,
      fleet: null,
      steps: { ...full.steps, fleet: step('attention', 'The last attempt to connect failed.') },
      failures: {
        devices: {
          code: 'source/damaged',
          message: 'The database is damaged at page 812, inside the bucket mdm.Devices.',
          remedy: 'Copy it again while MicroMDM is stopped, or fetch it through /boltbackup.',
        },
      },
    };
  }
  return {
    ...full,
    steps: { ...full.steps, apply: step('running', 'Writing to fleet_production.') },
    job: {
      kind: 'apply',
      label: 'Writing to fleet_production',
      done: 45_210,
      total: 80_114,
      startedAt: NOW - 20_000,
      rate: 2_304,
      secondsLeft: 15,
      paused: false,
      canPause: true,
      canCancel: true,
    },
  };
}

function verdictsOf(crowd: DeviceCrowd): { ready: number; caution: number; blocked: number } {
  const { verdicts } = crowd.facets;
  return { ready: verdicts['ready'] ?? 0, caution: verdicts['caution'] ?? 0, blocked: verdicts['blocked'] ?? 0 };
}

function sourceOf(crowd: DeviceCrowd, sample: boolean): NonNullable<AppState['source']> {
  const certificate = {
    subject: 'CN=MicroMDM SCEP CA, O=Northwind Schools',
    sha256: hash('3fa91c07'),
    notBefore: NOW - 900 * DAY,
    notAfter: NOW + 2700 * DAY,
    keyMatches: true,
  };
  return {
    reference: 'micromdm:/srv/backup/micromdm.db',
    kind: 'micromdm',
    path: '/srv/backup/micromdm.db',
    parts: [],
    sha256: hash('b0c4e177'),
    txid: 48_211,
    size: 412_876_800,
    retries: 0,
    readAt: NOW - 2 * HOUR,
    instant: NOW - 2 * HOUR - 4_000,
    fingerprint: hash('7c1e09d4'),
    counts: { devices: crowd.rows.length, withoutUdid: 21, ...verdictsOf(crowd) },
    platforms: Object.keys(crowd.facets.platforms).map((platform) => {
      const of = (verdict: string): number =>
        crowd.rows.filter((row) => row.platform === platform && row.verdict === verdict).length;
      return { platform, ready: of('ready'), caution: of('caution'), blocked: of('blocked') };
    }),
    scepCa: certificate,
    push: {
      ...certificate,
      subject: 'CN=APSP:5a1f0c2e',
      notAfter: NOW + 71 * DAY,
      topic: 'com.apple.mgmt.External.5a1f0c2e',
    },
    profiles: [
      { identifier: 'org.northwind.wifi', displayName: 'Wi-Fi', signed: true },
      { identifier: 'org.northwind.enroll', displayName: 'Enrollment', signed: false },
    ],
    expiries: Array.from({ length: 14 }, (_, index) => ({
      month: new Date(Date.UTC(2025, 11 + index, 1)).toISOString().slice(0, 7),
      count: Math.round((crowd.rows.length / 14) * (0.5 + ((index * 37) % 11) / 11)),
    })),
    reasons: REASONS.map((reason) => ({ ...reason, count: crowd.facets.reasons[reason.code] ?? 0 })).filter(
      ({ count }) => count > 0,
    ),
    findings: [
      {
        code: 'push-certificate-ends-soon',
        severity: 'warning',
        detail: 'The push certificate ends in 71 days.',
        subjects: [],
      },
      {
        code: 'commands-waiting',
        severity: 'info',
        detail: '3 devices have commands waiting that will be lost at the switch.',
        subjects: ['d12', 'd90', 'd311'],
      },
    ],
    sample,
  };
}

function fullState(state: AppState, crowd: DeviceCrowd): AppState {
  const counts = crowd.facets.actions;
  const of = (action: string): number => counts[action] ?? 0;
  return {
    ...state,
    steps: {
      source: step('done', 'Read two hours ago: 100,000 devices.'),
      certificates: step('attention', 'The push certificate ends in 71 days.', 1),
      fleet: step('done', 'Connected to fleet_production.'),
      checks: step('attention', '2 warnings wait for a name and a note.', 2),
      controls: step('empty', 'The profiles have not been compared.'),
      agent: step('empty', 'Fleet has not been asked for its agents.'),
      plan: step('done', 'Made an hour ago, nothing has moved since.'),
      apply: step('empty', 'Nothing has been written.'),
      cutover: step('empty', 'The network has not been asked.'),
      waves: step('empty', 'No ladder has been made.'),
      devices: step('attention', 'Devices are held or blocked.', of('held') + of('blocked')),
      report: step('empty', 'The report has not been written.'),
      journal: step('done', '4 entries.'),
    },
    secrets: { ...state.secrets, held: ['fleet-password'] },
    fleet: {
      host: 'db.fleet.example.org',
      port: 3306,
      database: 'fleet_production',
      user: 'slipway',
      connectedAt: NOW - HOUR,
      version: '8.0.39',
      serverUuid: '6f2c0d5e-9c1b-11ef-8d2b-0242ac120002',
      tlsCipher: 'TLS_AES_256_GCM_SHA384',
      readOnly: false,
      generation: '4.69',
      migrationId: '20250609112613',
      unknownColumns: [],
      triggers: [],
      grants: { account: "'slipway'@'10.0.0.%'", missing: [], statements: [], excessive: [] },
      enrollments: { all: 20_413, migrated: 18_002, native: 2_411 },
      hosts: 96_007,
    },
    checks: {
      at: NOW - HOUR,
      stale: false,
      results: [
        {
          id: 'push-topic',
          phase: 'certificates',
          title: 'Push topic',
          status: 'pass',
          code: 'push-topic',
          sentence: 'Fleet’s push certificate has the topic the devices listen to.',
          remedy: '',
          overridable: false,
          subjects: [],
          commands: [],
          blocking: false,
          acknowledgedBy: null,
        },
        {
          id: 'backup',
          phase: 'target',
          title: 'A backup of Fleet’s database',
          status: 'warn',
          code: 'backup-unconfirmed',
          sentence: 'Nobody has said yet that a backup of fleet_production was made.',
          remedy: 'Make one, then write down who made it and when.',
          overridable: true,
          subjects: [],
          commands: ['mysqldump --single-transaction --routines fleet_production > fleet.sql'],
          blocking: true,
          acknowledgedBy: null,
        },
      ],
    },
    plan: {
      id: hash('e41d7a90'),
      path: 'plans/2025-11-24-1830.json',
      madeAt: NOW - HOUR,
      at: NOW - 2 * HOUR,
      counts: {
        insert: of('insert'),
        refresh: of('refresh'),
        keep: of('keep'),
        held: of('held'),
        blocked: of('blocked'),
        devices: crowd.rows.length,
        unchanged: 0,
        withoutUdid: 21,
      },
      target: { host: 'db.fleet.example.org', port: 3306, database: 'fleet_production', generation: '4.69' },
      accepted: ['probably-enrolled'],
      reason: 'Agreed with the customer on 20 November.',
      reasons: [],
      queueLeftovers: 0,
      queueChosen: false,
      placed: 0,
      serials: null,
      stale: null,
    },
  };
}
