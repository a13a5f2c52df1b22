/** The examination after a migration: every finding is one entry of this table. */
import { attempt, FailureError } from '../../failure';
import type { FleetConnection, Value } from '../../fleet/connection';
import { grantStatements, quoteAccount } from '../../fleet/grants';
import type { ProbedSchema } from '../../fleet/probe';
import type { OnProgress } from '../../progress';
import { expiryUnknown, renewalStuck } from './certificates';
import { bootstrapTokenMissing, diskKeyMissing, profilesFailed, profilesPending } from './controls';
import { awaitingConfiguration, duplicateHosts, hostNotImported, migrationFlagSticks, noHost } from './enrollments';
import {
  notExamined,
  type Examination,
  type HealthContext,
  type HealthFinding,
  type HealthReport,
  type NotExamined,
} from './finding';

export type { HealthFinding, HealthReport } from './finding';

const EXAMINATIONS: readonly Examination[] = [
  noHost,
  expiryUnknown,
  renewalStuck,
  migrationFlagSticks,
  duplicateHosts,
  hostNotImported,
  profilesFailed,
  profilesPending,
  diskKeyMissing,
  bootstrapTokenMissing,
  awaitingConfiguration,
];

/** Milliseconds after which the server stops one of these statements: they join, and are run seldom. */
const STATEMENT_MS = 30_000;

/** Failures that spare one examination and not the others. */
const SPARED = new Set(['fleet/permission', 'fleet/table-missing', 'fleet/column-missing', 'fleet/timeout']);

export interface HealthInput {
  readonly connection: FleetConnection;
  readonly schema: ProbedSchema;
  /** Default 24. */
  readonly pendingHours?: number;
  /** When the certificate of a device ends by the source's word, milliseconds since the epoch. */
  readonly sourceNotAfter?: (udid: string) => number | null;
  readonly onProgress?: OnProgress;
}

/**
 * Looks for what will bite after a migration. Reads only; what it names as a remedy it never runs. An examination this
 * account may not make, this Fleet has no table for, or the server stopped, is told as not made.
 * @throws FailureError of the connection
 */
export async function examineHealth(input: HealthInput): Promise<HealthReport> {
  const { connection, schema } = input;
  const [clock] = await connection.query<{ now: number | string }>('SELECT UNIX_TIMESTAMP(NOW(3)) AS now');
  const now = Math.floor(Number(clock?.now ?? 0) * 1000);
  const context: HealthContext = {
    connection,
    schema,
    now,
    pendingHours: input.pendingHours ?? 24,
    ask: <T extends object>(text: string, params?: readonly Value[]) =>
      connection.query<T>(`SELECT /*+ MAX_EXECUTION_TIME(${STATEMENT_MS}) */ ${text}`, params),
    sourceNotAfter: input.sourceNotAfter ?? (() => null),
  };
  const findings: HealthFinding[] = [];
  const well: string[] = [];
  const missing: NotExamined[] = [];
  const unseen = new Set<string>();
  for (const [number, examination] of EXAMINATIONS.entries()) {
    input.onProgress?.({ label: 'examining', done: number, total: EXAMINATIONS.length });
    const { code, title, needs } = examination;
    const absent = needs.filter((table) => !schema.tables.has(table));
    if (absent.length > 0) {
      for (const table of absent) unseen.add(table);
      missing.push({ code, title, sentence: `Fleet’s database shows no table ${absent.join(', ')} to this account.` });
      continue;
    }
    const answer = await attempt(() => examination.examine(context));
    if (!answer.ok) {
      if (!SPARED.has(answer.failure.code)) throw new FailureError(answer.failure);
      missing.push(notExamined(examination, answer.failure));
      // Which of them it may not read is not always said.
      if (answer.failure.code === 'fleet/permission') for (const table of needs) unseen.add(table);
    } else if (answer.value === null) well.push(title);
    else if (typeof answer.value === 'string') missing.push({ code, title, sentence: answer.value });
    else findings.push(answer.value);
  }
  return { at: now, findings, well, notExamined: missing, grants: await grantsFor(connection, [...unseen]) };
}

/** A table that is not there cannot be told from one that may not be seen: the grant then fails, and does no harm. */
async function grantsFor(connection: FleetConnection, tables: readonly string[]): Promise<string[]> {
  if (tables.length === 0) return [];
  const [who] = await connection.query<{ account: string }>('SELECT CURRENT_USER() AS account');
  const needs = tables.map((table) => ({
    table,
    privilege: 'SELECT' as const,
    columns: null,
    purpose: 'examine migrated devices',
    optional: true,
  }));
  return grantStatements(needs, connection.address.database, quoteAccount(who?.account ?? ''));
}
