/** As many believable devices as wanted, the same ones every time. */
import type { DeviceDetail, DeviceFilter, DevicePage, DeviceQuery, DeviceRow } from '../../src/contract/devices';
import type { DeviceStory, DeviceWatch, WatchCounts } from '../../src/contract/watch';

export const NOW = Date.UTC(2025, 10, 24, 19, 30);
const DAY = 86_400_000;

export interface FakeReason {
  readonly code: string;
  readonly severity: 'note' | 'caution' | 'block';
  readonly sentence: string;
  readonly remedy: string;
}

export const REASONS: readonly FakeReason[] = [
  {
    code: 'no-agent',
    severity: 'caution',
    sentence: 'Fleet has no host for this device, so it will not renew its certificate.',
    remedy: 'Install fleetd on it before the switch, or accept no-agent and install it afterwards.',
  },
  {
    code: 'probably-enrolled',
    severity: 'caution',
    sentence: 'The source says it is not enrolled, but it has been in contact within the last 30 days.',
    remedy: 'Accept probably-enrolled to take it along as enrolled.',
  },
  {
    code: 'certificate-not-in-depot',
    severity: 'caution',
    sentence: 'Its certificate is not in the depot, so who issued it cannot be proven and its end is unknown.',
    remedy: 'Accept it to write an expiry 30 days after the snapshot, so that Fleet renews it at once.',
  },
  {
    code: 'not-enrolled',
    severity: 'block',
    sentence: 'The source says that this device is not enrolled.',
    remedy: 'Enrol it with Fleet when it comes back, or leave it out.',
  },
  {
    code: 'certificate-expired',
    severity: 'block',
    sentence: 'Its identity certificate has ended; no server will accept it any more.',
    remedy: 'Enrol it with Fleet instead.',
  },
  {
    code: 'no-push-token',
    severity: 'block',
    sentence: 'The source holds no push token for it, so Fleet could never wake it.',
    remedy: 'Wait for its next TokenUpdate and read the source again.',
  },
  {
    code: 'certificate-expiring',
    severity: 'note',
    sentence: 'Its certificate ends within 30 days and has to be renewed right after the move.',
    remedy: 'Nothing needs to be done.',
  },
  {
    code: 'silent',
    severity: 'note',
    sentence: 'It has not been in contact for more than 90 days.',
    remedy: 'Nothing needs to be done; it moves when it comes back.',
  },
];

const PEOPLE =
  'amara ben chloe dmitri elif farah goran hana imani jonas kaito lena mateo nadia omar priya quentin rosa sven tala umut vera wei xenia yusuf zoe'.split(
    ' ',
  );
const PLACES = ['Berlin', 'Lab', 'Library', 'Reception', 'Studio', 'Ward 4', 'Warehouse', 'Züri', 'Room 12', 'Pool'];
const MACS = ['MacBookPro18,3', 'MacBookAir10,1', 'Mac14,7', 'Mac15,3', 'iMac21,1', 'Macmini9,1'];
const PHONES = ['iPhone14,5', 'iPhone15,2', 'iPhone13,1'];
const PADS = ['iPad13,1', 'iPad14,3', 'iPad11,6'];

/** A small generator with a seed (mulberry32): the same devices every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function device(index: number, random: () => number, planned: boolean): DeviceRow {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const hex = (length: number): string => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
  const kind = random();
  const platform = kind < 0.62 ? 'macos' : kind < 0.84 ? 'ios' : kind < 0.97 ? 'ipados' : 'tvos';
  const model = pick(
    platform === 'macos' ? MACS : platform === 'ios' ? PHONES : platform === 'ipados' ? PADS : ['AppleTV11,1'],
  );
  const luck = random();
  const verdict = luck < 0.86 ? 'ready' : luck < 0.955 ? 'caution' : 'blocked';
  const reasons: string[] = [];
  if (verdict === 'blocked') reasons.push(pick(['not-enrolled', 'certificate-expired', 'no-push-token']));
  if (verdict !== 'ready' && (verdict === 'caution' || random() < 0.3)) {
    reasons.push(pick(['no-agent', 'probably-enrolled', 'certificate-not-in-depot']));
  }
  if (random() < 0.04) reasons.push(pick(['certificate-expiring', 'silent']));
  const fate = random();
  const action =
    !planned || verdict === 'blocked'
      ? planned
        ? 'blocked'
        : null
      : verdict === 'caution'
        ? 'held'
        : fate < 0.8
          ? 'insert'
          : fate < 0.94
            ? 'refresh'
            : 'keep';
  const owner = pick(PEOPLE);
  const name =
    random() < 0.02
      ? null
      : random() < 0.4
        ? `${pick(PLACES)} ${platform === 'macos' ? 'Mac' : 'iPad'} ${1 + Math.floor(random() * 400)}`
        : `${owner.charAt(0).toUpperCase()}${owner.slice(1)}’s ${platform === 'macos' ? 'MacBook' : platform === 'ios' ? 'iPhone' : 'iPad'}`;
  const udid =
    platform === 'macos' && random() < 0.5
      ? [8, 4, 4, 4, 12].map(hex).join('-').toUpperCase()
      : `0000${hex(4)}-${hex(16)}`.toUpperCase();
  return {
    id: `d${index}`,
    udid: index % 4999 === 17 ? null : udid,
    serial: `C0${hex(10).toUpperCase()}`,
    name,
    platform,
    model,
    verdict,
    action,
    reasons,
    lastSeen: random() < 0.01 ? null : NOW - Math.floor(random() ** 4 * 200 * DAY),
    certificateNotAfter: reasons.includes('certificate-not-in-depot')
      ? null
      : NOW + Math.floor((random() - 0.05) * 380 * DAY),
    users: platform === 'macos' ? Math.floor(random() * 3) : 0,
    source: null,
    watch: null,
  };
}

export class DeviceCrowd {
  readonly rows: readonly DeviceRow[];
  private readonly words: readonly string[];
  private readonly orders = new Map<string, readonly number[]>();
  readonly facets: DevicePage['facets'];

  constructor(count: number, planned: boolean, watched = false) {
    const random = generator(7);
    const rows = Array.from({ length: count }, (_, index) => device(index, random, planned));
    this.rows = watched ? rows.map((row, index) => ({ ...row, watch: watchOf(row, index, random) })) : rows;
    this.words = this.rows.map((row) =>
      [row.name, row.serial, row.udid, row.model, row.platform, ...row.reasons].join(' ').toLowerCase(),
    );
    this.facets = {
      verdicts: tally(this.rows.map(({ verdict }) => verdict)),
      actions: tally(this.rows.flatMap(({ action }) => (action === null ? [] : [action]))),
      platforms: tally(this.rows.map(({ platform }) => platform ?? '')),
      reasons: tally(this.rows.flatMap(({ reasons }) => reasons)),
      sources: {},
      states: tally(this.rows.flatMap(({ watch }) => (watch === null ? [] : [watch.state]))),
      attention: tally(
        this.rows.flatMap(({ watch }) =>
          watch === null || watch.attention.length === 0 ? [] : ['any', ...watch.attention],
        ),
      ),
    };
  }

  query({ offset, limit, hold: _, ...filter }: DeviceQuery): DevicePage {
    const matching = this.matching(filter);
    return {
      total: this.rows.length,
      matching: matching.length,
      offset,
      rows: matching.slice(offset, offset + limit),
      facets: this.facets,
      outdated: false,
    };
  }

  /** As the header has them. */
  counts(): WatchCounts {
    const watched = this.rows.flatMap(({ watch }) => watch ?? []);
    const of = (state: string): number => this.facets.states[state] ?? 0;
    return {
      size: watched.length,
      imported: watched.length - of('not-imported') - of('unknown'),
      agent: watched.filter(({ agent }) => agent === true).length,
      waiting: of('waiting'),
      migrated: of('migrated'),
      stale: of('stale'),
      lost: of('lost'),
      unknown: of('unknown'),
      attention: this.facets.attention['any'] ?? 0,
      importedAttention: watched.filter(({ state, attention }) => state !== 'not-imported' && attention.length > 0)
        .length,
    };
  }

  private kept: { readonly key: string; readonly rows: readonly DeviceRow[] } | null = null;

  matching(filter: DeviceFilter): readonly DeviceRow[] {
    const key = JSON.stringify(filter);
    if (this.kept?.key === key) return this.kept.rows;
    const wanted = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
    const rows: DeviceRow[] = [];
    for (const index of this.order(filter)) {
      const row = this.rows[index] as DeviceRow;
      const text = this.words[index] as string;
      if (!wanted.every((word) => text.includes(word))) continue;
      if (filter.verdicts.length > 0 && !filter.verdicts.includes(row.verdict)) continue;
      if (filter.actions.length > 0 && (row.action === null || !filter.actions.includes(row.action))) continue;
      if (filter.platforms.length > 0 && !filter.platforms.includes(row.platform ?? '')) continue;
      if (filter.reasons.length > 0 && !filter.reasons.some((code) => row.reasons.includes(code))) continue;
      const { watch } = row;
      if (filter.states.length > 0 && (watch === null || !filter.states.includes(watch.state))) continue;
      const codes = watch === null || watch.attention.length === 0 ? [] : ['any', ...watch.attention];
      if (filter.attention.length > 0 && !filter.attention.some((code) => codes.includes(code))) continue;
      rows.push(row);
    }
    this.kept = { key, rows };
    return rows;
  }

  private order({ sort, descending }: DeviceFilter): readonly number[] {
    const key = `${sort} ${descending}`;
    const known = this.orders.get(key);
    if (known !== undefined) return known;
    const value = (index: number): string | number => {
      const row = this.rows[index];
      if (sort === 'state') return row?.watch?.state ?? '\uffff';
      return (sort === 'contactFleet' ? row?.watch?.contactFleet : row?.[sort]) ?? '\uffff';
    };
    const made = this.rows
      .map((_, index) => index)
      .sort((one, other) => {
        const [a, b] = [value(one), value(other)];
        return (a < b ? -1 : a > b ? 1 : one - other) * (descending ? -1 : 1);
      });
    this.orders.set(key, made);
    return made;
  }

  detail(id: string): DeviceDetail | null {
    const row = this.rows.find((other) => other.id === id);
    if (row === undefined) return null;
    const hash = `${row.serial?.toLowerCase() ?? ''}9f2c51ab77e04d18a6c0b7d2`.padEnd(64, 'a7').slice(0, 64);
    return {
      device: row,
      facts: [
        { label: 'UDID', value: row.udid ?? 'none', mono: row.udid !== null },
        { label: 'Serial number', value: row.serial ?? 'none', mono: true },
        { label: 'Model', value: row.model ?? 'unknown', mono: false },
        { label: 'Topic', value: 'com.apple.mgmt.External.5a1f0c2e-77aa-4c53-9f80-0c4c2b0e5d31', mono: true },
        { label: 'Device token', value: hash, mono: true },
        { label: 'Certificate', value: hash.split('').reverse().join(''), mono: true },
        { label: 'Certificate in depot', value: row.certificateNotAfter === null ? 'no' : 'yes', mono: false },
        { label: 'Unlock token', value: 'held, 3,412 bytes', mono: false },
        { label: 'Bootstrap token', value: row.platform === 'macos' ? 'held, 71 bytes' : 'none', mono: false },
      ],
      reasons: row.reasons.flatMap((code) =>
        REASONS.filter((reason) => reason.code === code).map((reason) => ({
          ...reason,
          accepted: code === 'probably-enrolled',
        })),
      ),
      users: Array.from({ length: row.users }, (_, index) => ({
        id: `${row.udid ?? ''}:${hash.slice(index, index + 8)}`,
        shortName: ['amara', 'jonas'][index] ?? 'local',
        longName: ['Amara Okafor', 'Jonas Weber'][index] ?? null,
        goes: index === 0,
      })),
      rows: row.action === null ? null : rowsOf(row, hash),
      story: row.watch === null ? null : storyOf(row, row.watch),
    };
  }
}

const SWITCHED = NOW - 90 * 60_000;

function watchOf(row: DeviceRow, index: number, random: () => number): DeviceWatch {
  const luck = random();
  const left = row.action === 'held' || row.action === 'blocked';
  const state = left
    ? 'not-imported'
    : luck < 0.68
      ? 'migrated'
      : luck < 0.95
        ? 'waiting'
        : luck < 0.97
          ? 'stale'
          : luck < 0.99
            ? 'lost'
            : 'unknown';
  const came = state === 'migrated' || state === 'stale';
  const mac = row.platform === 'macos';
  const attention: string[] = [];
  if (left) attention.push('blocked');
  if (state === 'lost') attention.push(random() < 0.5 ? 'disabled' : 'unenrolled');
  if (!left && mac && random() < 0.02) attention.push('no-host');
  if (!left && random() < 0.006) attention.push('renewal-impossible');
  if (came && random() < 0.008) attention.push('answered-old-server');
  const late = state === 'stale' ? SWITCHED - 9 * DAY : SWITCHED + Math.floor(random() ** 2 * 88 * 60_000);
  const contact = came ? late : null;
  return {
    state,
    since: contact ?? (left ? null : SWITCHED - 3 * 3_600_000),
    proof: came ? (random() < 0.8 ? 'poll' : random() < 0.5 ? 'command-result' : 'token-update') : null,
    agent: mac ? !attention.includes('no-host') : null,
    contactFleet: contact,
    contactSource: row.lastSeen,
    certificateNotAfter: attention.includes('renewal-impossible') ? null : row.certificateNotAfter,
    wave: left ? null : index % 10 === 0 ? 'pilot' : index % 3 === 0 ? '50 %' : 'all',
    attention,
  };
}

function storyOf(row: DeviceRow, watch: DeviceWatch): DeviceStory {
  const sentence = 'nano_enrollments.last_seen_at is 2025-11-24 18:21:09 UTC, and the row was written by Fleet itself.';
  return {
    watch,
    proof: watch.contactFleet === null ? null : { kind: watch.proof ?? 'poll', at: watch.contactFleet, sentence },
    importedAt: SWITCHED - 3 * 3_600_000,
    attention: watch.attention.map((code) => ({
      code,
      sentence: 'Fleet has no host with this UDID, so it never renews its certificate, and sends it no profiles.',
      remedy: 'Install the agent on a Mac; an iPhone or iPad gets its host at its first contact with Fleet.',
    })),
    events: [
      {
        at: row.lastSeen ?? SWITCHED - 4 * 3_600_000,
        side: 'old',
        title: 'Last called the old server',
        evidence: 'As the old server’s database has it, read 2025-11-24 16:12 UTC.',
        tone: 'quiet',
      },
      {
        at: SWITCHED - 3 * 3_600_000,
        side: 'fleet',
        title: 'Imported',
        evidence: 'created_at of its rows, on Fleet’s clock. Only what comes after this counts.',
        tone: 'info',
      },
      {
        at: SWITCHED,
        side: 'slipway',
        title: 'Led to Fleet',
        evidence: 'Its route was switched with its wave.',
        tone: 'info',
      },
      ...(watch.contactFleet === null
        ? []
        : [
            { at: watch.contactFleet, side: 'fleet', title: 'Called Fleet', evidence: sentence, tone: 'good' } as const,
          ]),
      {
        at: row.certificateNotAfter ?? NOW + 90 * DAY,
        side: 'ahead',
        title: 'Its certificate ends',
        evidence: 'cert_not_valid_after of the certificate Fleet has tied to it.',
        tone: 'quiet',
      },
    ],
  };
}

function rowsOf(row: DeviceRow, hash: string): DeviceDetail['rows'] {
  const fresh = row.action !== 'refresh';
  const id = row.udid ?? '';
  const field = (column: string, willBe: string | null, was: string | null = willBe) => ({
    column,
    now: fresh ? null : was,
    willBe,
    changed: fresh ? willBe !== null : was !== willBe,
  });
  return [
    {
      table: 'nano_devices',
      row: id,
      change: fresh ? 'insert' : 'update',
      fields: [
        field('id', id),
        field('serial_number', row.serial),
        field('identity_cert', '‹certificate, 1284 bytes, sha256 6fd0…›', '‹certificate, 1284 bytes, sha256 11ab…›'),
        field('authenticate', '‹property list, 912 bytes, sha256 5ac1…›'),
        field('token_update', '‹property list, 4630 bytes, sha256 be07…›', '‹property list, 4630 bytes, sha256 0d33…›'),
        field('unlock_token', '‹unlock token, 3412 bytes, sha256 ab12…›'),
        field('platform', row.platform),
        field('authenticate_at', '2025-11-02 08:14:55'),
        field('enroll_team_id', null),
      ],
    },
    {
      table: 'nano_enrollments',
      row: id,
      change: fresh ? 'insert' : 'none',
      fields: [
        field('id', id),
        field('device_id', id),
        field('user_id', null),
        field('type', 'Device'),
        field('topic', 'com.apple.mgmt.External.5a1f0c2e-77aa-4c53-9f80-0c4c2b0e5d31'),
        field('push_magic', '‹push magic, 36 bytes, sha256 77e0…›'),
        field('token_hex', hash),
        field('enabled', '1'),
        field('last_seen_at', '2025-11-24 17:02:10'),
      ],
    },
    {
      table: 'nano_cert_auth_associations',
      row: id,
      change: fresh ? 'insert' : 'update',
      fields: [
        field('id', id),
        field('sha256', hash.split('').reverse().join(''), hash),
        field('cert_not_valid_after', '2026-08-11 09:00:00', '2025-12-11 09:00:00'),
        field('renew_command_uuid', null),
      ],
    },
  ];
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
