/**
 * A device that was imported and has been silent is never judged migrated, whatever else happens in Fleet's tables; one
 * that called is judged migrated. Histories are made up and played to a model of the tables that knows what MySQL, Fleet
 * and the importer write; the truth is whether the history has a contact.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgeStatus,
  type DatabaseEvidence,
  type DeviceEvidence,
  type JudgeOptions,
} from '../../../src/core/watch/status';

const CANARY = Date.UTC(2000, 0, 1);
const SECOND = 1_000;
const START = Date.UTC(2026, 8, 1, 12);

type Kind = 'column' | 'table';

/** What may happen after an import, at so many seconds after it. */
type Event =
  | {
      readonly do:
        'poll' | 'token-update' | 'result' | 'disable' | 'clear-flag' | 'bootstrap' | 'old-contact' | 'refresh';
    }
  | { readonly do: 'fleetd'; readonly enrolled: boolean };

const CONTACTS = new Set(['poll', 'token-update', 'result']);

interface Tables {
  enrollment: {
    createdAt: number;
    updatedAt: number;
    lastSeenAt: number | null;
    enabled: boolean;
    fromMigration: boolean;
  };
  device: { createdAt: number; updatedAt: number; authenticateAt: number; tokenUpdateAt: number };
  seenTime: number | null;
  resultAt: number | null;
  host: { mdmEnrolled: boolean; mdmUpdatedAt: number };
  sourceSeen: number;
  touched: boolean;
}

/** The importer's rows: times from the source, updated_at on the canary, created_at the server's clock. */
function imported(kind: Kind, at: number, seen: number): Tables {
  return {
    enrollment: {
      createdAt: at,
      updatedAt: CANARY,
      lastSeenAt: kind === 'column' ? seen : null,
      enabled: true,
      fromMigration: true,
    },
    device: { createdAt: at, updatedAt: CANARY, authenticateAt: seen, tokenUpdateAt: seen },
    seenTime: null,
    resultAt: null,
    host: { mdmEnrolled: true, mdmUpdatedAt: at - 3_600_000 },
    sourceSeen: seen,
    touched: false,
  };
}

function play(kind: Kind, tables: Tables, event: Event, now: number): void {
  const { enrollment, device } = tables;
  switch (event.do) {
    case 'poll':
      if (kind === 'column') Object.assign(enrollment, { lastSeenAt: now, updatedAt: now });
      else tables.seenTime = now;
      break;
    case 'token-update':
      Object.assign(device, { tokenUpdateAt: now, updatedAt: now });
      Object.assign(enrollment, { updatedAt: now, enabled: true });
      play(kind, tables, { do: 'poll' }, now);
      break;
    case 'result':
      tables.resultAt = now;
      play(kind, tables, { do: 'poll' }, now);
      break;
    case 'disable':
      Object.assign(enrollment, { enabled: false, updatedAt: now });
      break;
    case 'clear-flag':
      // By hand, as a remedy of ours says.
      Object.assign(enrollment, { fromMigration: false, updatedAt: now });
      break;
    case 'bootstrap':
      // A column of nano_devices changed by hand: it moves updated_at and nothing else.
      device.updatedAt = now;
      break;
    case 'fleetd':
      Object.assign(tables.host, { mdmEnrolled: event.enrolled, mdmUpdatedAt: now });
      break;
    case 'old-contact':
      tables.sourceSeen = now;
      break;
    case 'refresh':
      // Only what nothing has touched is written again, with the source's newer times.
      if (
        enrollment.updatedAt !== CANARY ||
        device.updatedAt !== CANARY ||
        tables.seenTime !== null ||
        tables.resultAt !== null
      ) {
        return;
      }
      if (kind === 'column') enrollment.lastSeenAt = tables.sourceSeen;
      Object.assign(device, { authenticateAt: tables.sourceSeen, tokenUpdateAt: tables.sourceSeen });
      break;
  }
}

function evidenceOf(tables: Tables, knowsSource: boolean, kind: Kind): DeviceEvidence {
  const database: DatabaseEvidence = {
    enrollment: { ...tables.enrollment, topic: 'topic' },
    device: tables.device,
    deviceRead: true,
    seenTime: tables.seenTime,
    seenCopiedAt: kind === 'table' ? Date.UTC(2020, 0, 1) : null,
    resultAt: tables.resultAt,
    certificate: { notAfter: START + 1e10, renewalPending: false, renewalSince: null, sha256: ['a'.repeat(64)] },
    host: { id: 1, count: 1, hasAgent: true, teamId: null, ...tables.host },
  };
  return {
    udid: 'UDID',
    platform: 'darwin',
    database,
    api: null,
    source: knowsSource ? { lastSeen: tables.sourceSeen, certificateSha256: null, platform: 'darwin' } : null,
    own: null,
  };
}

const kinds = fc.constantFrom<Kind>('column', 'table');
const event = fc.oneof<fc.Arbitrary<Event>[]>(
  fc.record({
    do: fc.constantFrom('disable', 'clear-flag', 'bootstrap', 'old-contact', 'refresh'),
  }) as fc.Arbitrary<Event>,
  fc.record({ do: fc.constant('fleetd' as const), enrolled: fc.boolean() }),
);
const contact = fc.record({ do: fc.constantFrom('poll', 'token-update', 'result') }) as fc.Arbitrary<Event>;
/** Seconds between two events; the first may come in the very second of the import. */
const gap = fc.integer({ min: 0, max: 4_000 });
/** The source's last contact before the import; an old server whose clock is fast puts it after T. */
const sourceClock = fc.integer({ min: -200_000, max: 90_000 });
const options: JudgeOptions = {};

describe('a status', () => {
  it('is never migrated while the device is silent', () => {
    fc.assert(
      fc.property(
        kinds,
        sourceClock,
        fc.boolean(),
        fc.array(fc.tuple(gap, event), { maxLength: 8 }),
        (kind, ahead, knows, history) => {
          const tables = imported(kind, START, START + ahead * SECOND);
          let now = START;
          for (const [seconds, step] of history) {
            now += seconds * SECOND;
            // Two clocks that agree to the second by chance cannot be told apart; nor need they: it is one in thousands,
            // and only where the old server's clock is ahead.
            if (tables.enrollment.lastSeenAt === now || tables.device.tokenUpdateAt === now) now += 120 * SECOND;
            play(kind, tables, step, now);
          }
          const status = judgeStatus(evidenceOf(tables, knows, kind), now + 3_600_000, options);
          expect(status.proof).toBeNull();
          expect(['waiting', 'lost']).toContain(status.state);
          expect(status.lastContactFleet).toBeNull();
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('is migrated once the device called, clearly after its import, and stays so', () => {
    fc.assert(
      fc.property(
        kinds,
        fc.integer({ min: -200_000, max: -120 }),
        contact,
        fc.array(fc.tuple(gap, event), { maxLength: 4 }),
        fc.array(fc.tuple(gap, fc.oneof(event, contact)), { maxLength: 4 }),
        (kind, ahead, called, before, after) => {
          const tables = imported(kind, START, START + ahead * SECOND);
          let now = START;
          for (const [seconds, step] of before) play(kind, tables, step, (now += (seconds + 1) * SECOND));
          const calledAt = (now += 120 * SECOND);
          play(kind, tables, called, calledAt);
          let last = calledAt;
          let lost = !tables.enrollment.enabled;
          for (const [seconds, step] of after) {
            play(kind, tables, step, (now += (seconds + 1) * SECOND));
            if (CONTACTS.has(step.do)) last = now;
            lost = !tables.enrollment.enabled || (!tables.host.mdmEnrolled && tables.host.mdmUpdatedAt > last);
          }
          const status = judgeStatus(evidenceOf(tables, false, kind), now + 3_600_000, options);
          expect(status.proof?.at).toBe(last);
          if (!lost && tables.host.mdmEnrolled) expect(status.state).toBe('migrated');
          if (!tables.enrollment.enabled) expect(status.state).toBe('lost');
          const later = judgeStatus(evidenceOf(tables, false, kind), last + 8 * 86_400_000, options);
          if (status.state === 'migrated') expect(later.state).toBe('stale');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('does not count the second of the import', () => {
    for (const kind of ['column', 'table'] as const) {
      const tables = imported(kind, START, START - 60 * SECOND);
      play(kind, tables, { do: 'poll' }, START);
      expect(judgeStatus(evidenceOf(tables, true, kind), START + 60_000).state).toBe('waiting');
      play(kind, tables, { do: 'poll' }, START + SECOND);
      expect(judgeStatus(evidenceOf(tables, false, kind), START + 60_000).state).toBe('migrated');
    }
  });
});

describe('without Fleet’s MySQL', () => {
  const api = (
    checkedInAt: number | null | undefined,
    answeredAt: number | null | undefined,
  ): DeviceEvidence['api'] => ({
    host: { id: 4, count: 1, hasAgent: true, teamId: null, enrollmentStatus: 'On (manual)', detailAt: START },
    checkedInAt,
    answeredAt,
  });
  const own = (writtenAt: number | null): DeviceEvidence['own'] => ({
    action: 'insert',
    reasons: [],
    writtenAt,
    switchedAt: null,
    writtenContacts: [START - 60 * SECOND],
  });
  const judged = (parts: Partial<DeviceEvidence>): string =>
    judgeStatus(
      { udid: 'U', platform: 'darwin', database: null, api: null, source: null, own: null, ...parts },
      START + 3_600_000,
    ).state;

  it('says unknown where the API cannot tell', () => {
    expect(judged({ api: api(undefined, undefined) })).toBe('unknown');
    expect(judged({ api: api(START + 600_000, START + 600_000) })).toBe('unknown');
    expect(judged({ api: api(undefined, null), own: own(START) })).toBe('unknown');
  });

  it('takes the last contact and an answer for proof, clearly after the import', () => {
    expect(judged({ api: api(START + 600_000, null), own: own(START) })).toBe('migrated');
    expect(judged({ api: api(undefined, START + 600_000), own: own(START) })).toBe('migrated');
    expect(judged({ api: api(START - 1, null), own: own(START) })).toBe('waiting');
    // Within what two clocks may differ by.
    expect(judged({ api: api(START + 60_000, null), own: own(START) })).toBe('waiting');
  });

  it('does not take for proof what the importer wrote there', () => {
    expect(judged({ api: api(START - 60 * SECOND, null), own: own(START - 3_600_000) })).toBe('waiting');
  });

  it('knows what was never imported from its own journal', () => {
    expect(judged({ api: api(START + 600_000, null), own: own(null) })).toBe('not-imported');
  });
});
