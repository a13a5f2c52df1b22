/** What main would say at each step in each state: parts of the state, pushed over a scene. */
import type { AppState, CheckRow, Job } from '../../src/contract/state';
import { NOW } from './device-crowd';

type Part = Partial<AppState>;
const MINUTE = 60_000;
const DAY = 86_400_000;

export function running(kind: Job['kind'], label: string, part: Partial<Job> = {}): Part {
  return {
    job: {
      kind,
      label,
      done: 38_400,
      total: 84_120,
      startedAt: NOW - 95_000,
      rate: 412,
      secondsLeft: 111,
      paused: false,
      canPause: kind === 'apply',
      canCancel: true,
      ...part,
    },
  };
}

const UDIDS = Array.from({ length: 60 }, (_, index) =>
  `00008103-${(0x1a2b3c4d0000 + index * 7919).toString(16).padStart(16, '0')}`.toUpperCase(),
);

function check(part: Partial<CheckRow> & Pick<CheckRow, 'id' | 'phase' | 'title' | 'sentence'>): CheckRow {
  return {
    status: 'pass',
    code: part.id,
    remedy: '',
    overridable: false,
    subjects: [],
    commands: [],
    blocking: false,
    acknowledgedBy: null,
    ...part,
  };
}

const RESULTS: readonly CheckRow[] = [
  check({
    id: 'source-fresh',
    phase: 'source',
    title: 'Age of the source',
    sentence: 'The newest contact in it is 3 minutes old.',
  }),
  check({
    id: 'commands-waiting',
    phase: 'source',
    title: 'Commands still waiting',
    status: 'warn',
    code: 'commands-waiting',
    sentence:
      '60 devices have commands waiting at the old server. Those are lost at the switch; an erase or a lock among them would never happen.',
    remedy: 'Let them finish at the old server, or send them again through Fleet afterwards.',
    subjects: UDIDS.slice(0, 50),
  }),
  check({
    id: 'scep-ca',
    phase: 'certificates',
    title: 'SCEP CA',
    sentence: 'It is there with its key and valid until 2033.',
  }),
  check({
    id: 'target-identity',
    phase: 'certificates',
    title: 'Fleet speaks for these devices',
    status: 'fail',
    code: 'target-identity-unproven',
    sentence: 'Nobody could ask Fleet which SCEP CA it serves: no address of Fleet was given.',
    remedy: 'Name Fleet’s own address at Fleet, then run again.',
    overridable: true,
    blocking: true,
  }),
  check({
    id: 'mysql-version',
    phase: 'target',
    title: 'MySQL',
    sentence: 'Version 8.0.39, and Fleet 4.69’s tables as they should be.',
  }),
  check({
    id: 'grants',
    phase: 'target',
    title: 'Grants of the account',
    status: 'fail',
    code: 'grants-missing',
    sentence: 'The account lacks 2 grants it needs to write and to take back.',
    remedy: 'Let an administrator run these, then run again.',
    commands: [
      "GRANT INSERT, UPDATE, DELETE ON `fleet_production`.`nano_users` TO 'slipway'@'10.0.0.%';",
      "GRANT DELETE ON `fleet_production`.`nano_devices` TO 'slipway'@'10.0.0.%';",
    ],
    subjects: ['nano_users', 'nano_devices'],
    blocking: true,
  }),
  check({
    id: 'backup',
    phase: 'target',
    title: 'A backup of Fleet’s database',
    status: 'pass',
    sentence: 'Taken, says Sven Okafor: 17:40, on nas-02 under fleet/before.',
    acknowledgedBy: 'Sven Okafor',
  }),
  check({
    id: 'hosts',
    phase: 'target',
    title: 'Hosts of the Macs',
    status: 'warn',
    code: 'hosts-missing',
    sentence: '3,211 Macs have no host in Fleet, so it will not renew their certificates.',
    remedy: 'Install fleetd on them before the switch.',
    acknowledgedBy: 'Petra Lindqvist',
  }),
  check({
    id: 'server-url',
    phase: 'network',
    title: 'Where devices will check in',
    status: 'skipped',
    sentence: 'Not asked: no --fleet-url was given.',
    remedy: 'Name Fleet’s own address at Fleet.',
  }),
  check({
    id: 'renewal-switch',
    phase: 'after',
    title: 'Fleet’s certificate renewal',
    status: 'warn',
    code: 'renewal-switch-unconfirmed',
    sentence:
      'Two settings of Fleet’s renewal are in its environment, where no database shows them: a renewed device cannot go back to the old server. The first certificate ends on 2026-01-09.',
    remedy:
      'Start Fleet with FLEET_MDM_APPLE_SCEP_RENEWAL_DISABLE=1 until the way back is no longer wanted. Then confirm with a name.',
  }),
];

export function checks(stale = false): Part {
  return { checks: { at: NOW - 12 * MINUTE, results: [...RESULTS], stale } };
}

/** Nothing holds apply up. */
export const GREEN: Part = {
  checks: {
    at: NOW - 12 * MINUTE,
    stale: false,
    results: RESULTS.filter(({ blocking }) => !blocking),
  },
};

export function grants(fleet: NonNullable<AppState['fleet']>): Part {
  return {
    fleet: {
      ...fleet,
      tlsCipher: null,
      triggers: ['AFTER INSERT nano_enrollments: audit_enrollments'],
      unknownColumns: ['nano_devices.last_known_region', 'nano_enrollments.shard'],
      grants: {
        account: "'slipway'@'10.0.0.%'",
        missing: [
          { privilege: 'INSERT', table: 'nano_users', purpose: 'import devices' },
          { privilege: 'UPDATE', table: 'nano_users', purpose: 'refresh what nothing has touched' },
          { privilege: 'DELETE', table: 'nano_devices', purpose: 'undo an import' },
          { privilege: 'UPDATE', table: 'nano_enrollment_queue', purpose: 'switch off old queued commands' },
        ],
        statements: [
          "GRANT INSERT, UPDATE ON `fleet_production`.`nano_users` TO 'slipway'@'10.0.0.%';",
          "GRANT DELETE ON `fleet_production`.`nano_devices` TO 'slipway'@'10.0.0.%';",
          "GRANT UPDATE ON `fleet_production`.`nano_enrollment_queue` TO 'slipway'@'10.0.0.%';",
        ],
        excessive: ['SUPER on *.*', 'DROP on `fleet_production`.*'],
      },
    },
  };
}

export function cautions(plan: NonNullable<AppState['plan']>): Part {
  return {
    plan: {
      ...plan,
      queueLeftovers: 212,
      serials: { sourceNext: '104211', targetNext: '812', lifted: '104210' },
      counts: { ...plan.counts, unchanged: 311 },
      reasons: [
        {
          code: 'no-agent',
          sentence: 'Fleet has no host for this device, so it will not renew its certificate.',
          remedy: 'Install fleetd on it before the switch, or accept no-agent and install it afterwards.',
          count: 3_211,
          held: true,
        },
        {
          code: 'certificate-not-in-depot',
          sentence: 'Its certificate is not in the depot, so who issued it cannot be proven and its end is unknown.',
          remedy: 'Accept it to write an expiry 30 days after the snapshot, so that Fleet renews it at once.',
          count: 18,
          held: true,
        },
        {
          code: 'not-enrolled',
          sentence: 'The source says that this device is not enrolled.',
          remedy: 'Enrol it with Fleet when it comes back, or leave it out.',
          count: 4_902,
          held: false,
        },
      ],
    },
  };
}

const RUN = {
  state: 'complete' as const,
  journal: '/home/operator/Slipway/northwind/journals/2025-11-24T1902-e41d7a90.journal.jsonl',
  counts: { planned: 84_120, inserted: 80_103, refreshed: 3_703, unchanged: 311, already: 0, held: 3, left: 0 },
  held: [
    {
      udid: UDIDS[0] ?? '',
      code: 'drift',
      sentence: 'changed in the source since the plan: its certificate is another one now.',
    },
    {
      udid: UDIDS[1] ?? '',
      code: 'drift',
      sentence: 'changed in the source since the plan: its certificate is another one now.',
    },
    { udid: UDIDS[2] ?? '', code: 'touched', sentence: 'was touched by Fleet since the plan: a token update came in.' },
  ],
  notes: ['Fleet’s certificate serials were lifted above the old CA’s.'],
};

export const REHEARSED: Part = {
  rehearsal: { ...RUN, rehearsal: true, finishedAt: NOW - 20 * MINUTE, notes: [] },
};

export const APPLIED: Part = {
  ...REHEARSED,
  applied: { ...RUN, rehearsal: false, finishedAt: NOW - 5 * MINUTE },
  verified: {
    at: NOW - 3 * MINUTE,
    counts: { devices: 84_117, rows: 341_220, same: 84_081, differs: 0, missing: 0, extra: 0, touchedSince: 36 },
    compared:
      'Every column of nano_devices, nano_users, nano_enrollments and nano_cert_auth_associations that is written, byte for byte; times that Fleet itself keeps were left out.',
    devices: [],
  },
};

export const STOPPED: Part = {
  ...REHEARSED,
  applied: {
    ...RUN,
    rehearsal: false,
    state: 'stopped',
    finishedAt: NOW - MINUTE,
    counts: { ...RUN.counts, inserted: 41_250, refreshed: 1_000, held: 0, left: 41_870 },
    held: [],
    notes: [],
  },
};

export const DIFFERS: Part = {
  ...APPLIED,
  verified: {
    at: NOW - 2 * MINUTE,
    counts: { devices: 84_117, rows: 341_220, same: 84_110, differs: 4, missing: 2, extra: 1, touchedSince: 0 },
    compared:
      'Every column of nano_devices, nano_users, nano_enrollments and nano_cert_auth_associations that is written.',
    devices: UDIDS.slice(0, 7).map((udid, index) => ({
      udid,
      state: index < 4 ? 'differs' : index < 6 ? 'missing' : 'extra',
      columns: index < 4 ? ['nano_enrollments.token_hex', 'nano_devices.unlock_token'] : ['nano_enrollments: absent'],
    })),
  },
};

export const UNDONE: Part = {
  ...APPLIED,
  undone: {
    rehearsal: false,
    state: 'complete',
    finishedAt: NOW - MINUTE,
    journal: RUN.journal,
    counts: { journaled: 80_103, removed: 79_990, gone: 12, left: 101 },
    left: UDIDS.slice(0, 40).map((udid) => ({
      udid,
      code: 'touched',
      sentence: 'was touched since: Fleet has heard from it.',
    })),
    notes: ['212 rows stay in host_mdm_apple_profiles: they are Fleet’s own.'],
  },
};

export const SOURCE_FAILED: Part = {
  failures: {
    source: {
      code: 'bolt/torn',
      message: 'The file was copied while MicroMDM wrote to it: page 812 belongs to another transaction than the rest.',
      remedy: 'Copy it again while MicroMDM is stopped, read the live file, or fetch it through /boltbackup.',
    },
  },
};

export const FLEET_FAILED: Part = {
  fleet: null,
  failures: {
    fleet: {
      code: 'fleet/access-denied',
      message:
        'MySQL at db.fleet.example.org:3306 refuses the account slipway from this machine, or the password is wrong.',
      remedy: 'Type the password again, and ask the administrator whether the account may connect from here.',
    },
  },
};

export const EXPIRING: Pick<NonNullable<AppState['source']>, 'scepCa' | 'push'> = {
  scepCa: null,
  push: {
    subject: 'CN=APSP:5a1f0c2e',
    sha256: '3fa91c07'.repeat(8),
    notBefore: NOW - 352 * DAY,
    notAfter: NOW + 13 * DAY,
    keyMatches: false,
    topic: 'com.apple.mgmt.External.5a1f0c2e',
  },
};
