/** Answers to the calls of the steps: statements, journals, copies, a server’s certificate. */
import { NO_WAY } from '../../src/contract/no-way';
import type { CallInput, CallName, CallOutput } from '../../src/contract/calls';
import { NOW } from './device-crowd';

type Answers = { [N in CallName]?: (input: CallInput<N>) => CallOutput<N> };

const HOUR = 3_600_000;
const hex = (seed: number, length: number): string =>
  Array.from({ length }, (_, index) => ((seed * 31 + index * 7 + (seed >> (index % 13))) % 16).toString(16)).join('');

/** Line `place` of a SQL file with a batch of statements every 12 lines. */
function sqlLine(place: number): string {
  const head = [
    '-- Slipway 0.1.0: the migration of 88,213 devices from MicroMDM to Fleet 4.69.',
    '-- It holds secrets. Load it with: mysql --abort-source-on-error fleet_production < migration.sql',
    'SET NAMES utf8mb4;',
    "SET @@session.time_zone = '+00:00';",
  ];
  const [line] = head.slice(place, place + 1);
  if (line !== undefined) return line;
  const seed = Math.floor(place / 12);
  const udid = `${hex(seed, 8)}-${hex(seed + 1, 16)}`.toUpperCase();
  return (
    [
      '',
      `-- Batch ${Math.floor(seed / 250) + 1}, device ${seed + 1}`,
      'START TRANSACTION;',
      'INSERT INTO `nano_devices` (`id`, `identity_cert`, `serial_number`, `unlock_token`, `authenticate`, `token_update`, `bootstrap_token_b64`, `platform`, `created_at`)',
      `VALUES ('${udid}', NULL, 'C02${hex(seed, 9).toUpperCase()}', ‹unlock token, 3412 bytes, sha256 ${hex(seed + 5, 12)}…›, '<?xml version="1.0" encoding="UTF-8"?>\\n<plist version="1.0"><dict><key>MessageType</key><string>Authenticate</string><key>UDID</key><string>${udid}</string></dict></plist>', ‹token update, 1820 bytes, sha256 ${hex(seed + 9, 12)}…›, NULL, 'darwin', '2000-01-01 00:00:00');`,
      'INSERT INTO `nano_enrollments` (`id`, `device_id`, `type`, `topic`, `push_magic`, `token_hex`, `enabled`, `enrolled_from_migration`)',
      `VALUES ('${udid}', '${udid}', 'Device', 'com.apple.mgmt.External.5a1f0c2e', ‹push magic, 36 bytes, sha256 ${hex(seed + 3, 12)}…›, '${hex(seed, 64)}', 1, 1)`,
      "ON DUPLICATE KEY UPDATE `token_hex` = IF(`updated_at` = '2000-01-01 00:00:00', VALUES(`token_hex`), `token_hex`);",
      'INSERT INTO `nano_cert_auth_associations` (`id`, `sha256`, `cert_not_valid_after`)',
      `VALUES ('${udid}', '${hex(seed + 2, 64)}', '2026-08-14 09:12:44');`,
      'SELECT COUNT(*) INTO @slipway_rows FROM `nano_enrollments` WHERE `enrolled_from_migration` = 1;',
      'COMMIT;',
    ][place % 12] ?? ''
  );
}

const TOTAL = 1_058_560;

const JOURNALS: CallOutput<'journal.list'> = [
  {
    path: '/home/operator/Slipway/northwind/journals/2025-11-24T1902-e41d7a90.journal.jsonl',
    kind: 'devices',
    planId: hex(7, 64),
    openedAt: NOW - HOUR / 2,
    operator: 'Petra Lindqvist',
    rehearsal: false,
    target: 'fleet_production at db.fleet.example.org:3306',
    committed: 84_120,
    undone: 0,
    tornBytes: 0,
  },
  {
    path: '/home/operator/Slipway/northwind/journals/2025-11-24T1840-e41d7a90.journal.jsonl',
    kind: 'devices',
    planId: hex(7, 64),
    openedAt: NOW - HOUR,
    operator: 'Petra Lindqvist',
    rehearsal: true,
    target: 'fleet_production at db.fleet.example.org:3306',
    committed: 0,
    undone: 0,
    tornBytes: 0,
  },
  {
    path: '/home/operator/Slipway/northwind/journals/2025-11-18T0911-77aa01cd.journal.jsonl',
    kind: 'devices',
    planId: hex(3, 64),
    openedAt: NOW - 6.4 * 24 * HOUR,
    operator: 'Sven Okafor',
    rehearsal: false,
    target: 'fleet_staging at db.staging.example.org:3306',
    committed: 212,
    undone: 212,
    tornBytes: 118,
  },
];

const ENTRIES = 680;

function entry(seq: number): CallOutput<'journal.read'>['entries'][number] {
  const at = NOW - HOUR / 2 + seq * 900;
  if (seq === 0) {
    return {
      seq,
      at,
      kind: 'opened',
      sentence: 'Petra Lindqvist on admin-03 began an apply to fleet_production at db.fleet.example.org:3306.',
      detail: `plan ${hex(7, 64)}\nslipway 0.1.0\naccepted: probably-enrolled\nreason: Agreed with the customer on 20 November.\nthe source was read again`,
    };
  }
  if (seq === ENTRIES - 1) {
    return { seq, at, kind: 'closed', sentence: 'Ended, complete.', detail: 'inserted 80114, refreshed 4006, held 3' };
  }
  const batch = Math.ceil(seq / 2);
  return seq % 2 === 1
    ? {
        seq,
        at,
        kind: 'intent',
        sentence: `Batch ${batch} is to insert 238 devices and refresh 12.`,
        detail: Array.from({ length: 200 }, (_, index) =>
          `${hex(seq + index, 8)}-${hex(index, 16)} insert`.toUpperCase(),
        )
          .concat('and 50 more')
          .join('\n'),
      }
    : { seq, at, kind: 'outcome', sentence: `Batch ${batch} was committed.`, detail: '' };
}

/** @param some false: a workspace in which nothing was done yet */
export function stepAnswers(some: boolean): Answers {
  let copies = some
    ? [
        { name: '2025-11-24T1730-b0c4e177.db', size: 412_876_800 },
        { name: '2025-11-18T0850-90aa3f01.db', size: 412_500_000 },
      ]
    : [];
  return {
    'file.choose': () => '/srv/backup/micromdm.db',
    'source.fromFile': ({ path }) => ({ reference: `micromdm:${path}`, way: { ...NO_WAY, path } }),
    'fleet.certificate': ({ host }) => ({
      subject: `CN=${host}, O=Northwind Schools`,
      issuer: 'CN=Northwind Internal CA 2, O=Northwind Schools',
      names: [host, 'db-1.fleet.example.org'],
      notBefore: NOW - 200 * 24 * HOUR,
      notAfter: NOW + 165 * 24 * HOUR,
      sha256: hex(11, 64),
      untrusted: 'It was issued by a CA this system does not know. Name that CA’s file above.',
    }),
    'plan.sql': ({ offset, limit, search }) => {
      const matches: number[] = [];
      for (let line = 0; search !== '' && line < TOTAL && matches.length < 10_000; line += 1) {
        if (sqlLine(line).toLowerCase().includes(search)) matches.push(line);
      }
      return {
        total: TOTAL,
        offset,
        lines: Array.from({ length: Math.max(0, Math.min(limit, TOTAL - offset)) }, (_, index) =>
          sqlLine(offset + index),
        ),
        matches,
      };
    },
    'plan.saveSql': ({ undo }) => ({ path: `/home/operator/${undo ? 'undo' : 'migration'}.sql`, devices: 84_120 }),
    'journal.list': () => (some ? JOURNALS : []),
    'journal.read': ({ offset, limit }) => ({
      total: ENTRIES,
      entries: Array.from({ length: Math.max(0, Math.min(limit, ENTRIES - offset)) }, (_, index) =>
        entry(offset + index),
      ),
    }),
    'inspect.state': () => null,
    'given.state': () => [],
    'renewal.state': () => ({ installed: [], base: null, anchor: null, made: null, checked: null }),
    'assets.journals': () => [],
    'copies.list': () => ({ folder: '/home/operator/.local/share/Slipway/copies/6f2c0d5e', copies }),
    'copies.delete': () => {
      const deleted = copies.length;
      copies = [];
      return { deleted };
    },
  };
}
