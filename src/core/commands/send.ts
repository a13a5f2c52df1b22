/**
 * Sends commands to chosen devices, through the old server's API or Fleet's: in a bounded rate, journaled, to be stopped and
 * gone on with. A device that has its command by an earlier run of the same journal is left out.
 */
import { randomUUID } from 'node:crypto';
import { FailureError, type Failure } from '../failure';
import { REAL_PACING, type Pacing } from '../fleet/api-client';
import type { FleetUrl } from '../fleet/https-request';
import { commandBatches, runOnHosts } from '../fleet/run-command';
import { operatorHere } from '../migration/journal';
import type { OnProgress } from '../progress';
import type { Secret } from '../secret';
import {
  commandKey,
  commandRunId,
  commandStanding,
  openCommandJournal,
  type CommandJournal,
  type CommandRunIdentity,
  type CommandState,
} from './command-journal';
import type { OldServer, OldServerCommand } from './old-server';

/** What every run has. */
export interface SendInput {
  readonly identity: CommandRunIdentity;
  /** Path of the journal. */
  readonly journal: string;
  readonly tool: string;
  readonly accepted: readonly string[];
  readonly reason: string | null;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One command for one device, through the old server. */
export interface OldServerTask {
  readonly udid: string;
  /** Profile identifier, or the manifest's address. */
  readonly subject: string;
  readonly requestType: string;
  /** Fields of the type, by Apple's names: `Identifier`, `ManifestURL`. */
  readonly fields: OldServerCommand['fields'];
}

export interface SentCommand {
  readonly udid: string;
  readonly subject: string;
  readonly uuid: string | null;
  readonly state: CommandState;
  readonly code: string | null;
  readonly sentence: string | null;
}

export interface SendResult {
  readonly planId: string;
  readonly journal: string;
  /** `stopped`: by the operator, or because too many failed one after the other; the same command goes on. */
  readonly state: 'complete' | 'stopped';
  readonly why: Failure | null;
  /** What this run sent. */
  readonly commands: readonly SentCommand[];
  /** Devices and subjects an earlier run had sent already. */
  readonly already: number;
  /** Not begun. */
  readonly left: number;
}

const AT_ONCE = 4;
/** Commands a second: each one makes the old server push a device, and the device call in. */
export const PER_SECOND = 10;
const TRIES = 3;
const BACK_OFF = 1_000;
/** Commands an entry of the journal speaks of. */
const BATCH = 20;
/** So many failures one after the other are no matter of the devices. */
const MOST_FAILURES = 12;
/** A command that is queued, and whose push failed. */
export const NOT_PUSHED = 'push-failed';

export interface OldServerSendInput extends SendInput {
  readonly server: OldServer;
  readonly tasks: readonly OldServerTask[];
  readonly perSecond?: number;
  readonly pacing?: Pacing;
}

/**
 * Sends through the old server: the first alone (where the key is wrong, one try is enough), then four at once. A lost
 * answer is tried again with the same command UUID.
 * @throws FailureError `journal/…`, `old-server/key-refused`, and the failure of the very first command
 */
export async function sendThroughOldServer(input: OldServerSendInput): Promise<SendResult> {
  const { server, tasks, signal, onProgress } = input;
  const { sleep, random, now } = input.pacing ?? REAL_PACING;
  const gap = 1000 / Math.max(0.1, Math.min(100, input.perSecond ?? PER_SECOND));
  const work = async (run: Run<OldServerTask>): Promise<Failure | null> => {
    let slot = now();
    let failures = 0;
    const one = async (task: OldServerTask, uuid: string): Promise<SentCommand> => {
      const { udid, subject, requestType, fields } = task;
      for (let attempt = 1; ; attempt += 1) {
        const wait = slot - now();
        slot = Math.max(slot, now()) + gap;
        if (wait > 0) await sleep(wait);
        try {
          const { pushed } = await server.send({ udid, uuid, requestType, fields });
          failures = 0;
          const unpushed = pushed === false;
          return {
            udid,
            subject,
            uuid,
            state: 'sent',
            code: unpushed ? NOT_PUSHED : null,
            sentence: unpushed
              ? 'It is queued, but the device could not be pushed: it gets it when it calls in.'
              : null,
          };
        } catch (error) {
          if (!(error instanceof FailureError) || error.failure.code === 'old-server/key-refused') throw error;
          const { code, message } = error.failure;
          const transient = code !== 'old-server/refused';
          if (transient && attempt < TRIES && signal?.aborted !== true) {
            await sleep(BACK_OFF * 2 ** (attempt - 1) * (1 + random() * 0.2));
            continue;
          }
          failures += 1;
          // Where no answer came, the command may be queued all the same.
          const state = code === 'web/timeout' || code === 'web/unreachable' ? 'unknown' : 'failed';
          if (run.isFirst) run.first = error;
          return { udid, subject, uuid, state, code, sentence: message };
        }
      }
    };
    const waiting = run.open.map((task) => ({ task, uuid: randomUUID().toUpperCase() }));
    let done = 0;
    while (waiting.length > 0) {
      if (signal?.aborted === true) return stopped('commands/stopped', 'The run was stopped.');
      const portion = waiting.splice(0, run.isFirst ? 1 : BATCH);
      await run.intend(portion.map(({ task, uuid }) => ({ udid: task.udid, subject: task.subject, uuid })));
      const results: SentCommand[] = [];
      let broken: unknown = null;
      const queue = [...portion];
      const lane = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined && broken === null; next = queue.shift()) {
          try {
            results.push(await one(next.task, next.uuid));
          } catch (error) {
            broken = error;
            results.push({
              udid: next.task.udid,
              subject: next.task.subject,
              uuid: next.uuid,
              state: 'failed',
              code: error instanceof FailureError ? error.failure.code : 'internal/defect',
              sentence: null,
            });
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
      // What a broken batch did not come to was never sent.
      for (const { task, uuid } of queue)
        results.push({
          udid: task.udid,
          subject: task.subject,
          uuid,
          state: 'failed',
          code: 'commands/not-sent',
          sentence: 'It was not sent.',
        });
      await run.note(results);
      if (broken !== null) throw broken instanceof Error ? broken : new Error('not an error');
      if (run.isFirst && run.first !== null) throw run.first;
      run.isFirst = false;
      done += portion.length;
      onProgress?.({ label: 'sending commands', done, total: run.open.length });
      if (failures >= MOST_FAILURES)
        return stopped('commands/too-many-failures', `${failures} commands failed one after the other.`);
    }
    return null;
  };
  return running(input, tasks, work, server.kind);
}

export interface FleetSendInput extends SendInput {
  readonly fleet: FleetUrl;
  readonly token: Secret;
  /** Each subject with its command, and the hosts it is for. */
  readonly subjects: readonly {
    readonly subject: string;
    readonly command: string;
    readonly devices: readonly { readonly udid: string; readonly platform: string }[];
  }[];
}

/** Sends through Fleet's API, up to 200 hosts a call. Throws what `runOnHosts` throws, and `journal/…`. */
export async function sendThroughFleet(input: FleetSendInput): Promise<SendResult> {
  const { fleet, token, subjects, signal, onProgress } = input;
  const ended = (): boolean => signal?.aborted === true;
  const tasks = subjects.flatMap(({ subject, devices }) => devices.map((one) => ({ ...one, subject })));
  return running(input, tasks, async (run) => {
    for (const { subject, command } of subjects) {
      const open = run.open.filter((task) => task.subject === subject);
      if (open.length === 0) continue;
      if (ended()) return stopped('commands/stopped', 'The run was stopped.');
      await runOnHosts(fleet, token, commandBatches(open), {
        command,
        label: 'sending commands',
        onProgress,
        signal,
        before: (udids) => run.intend(udids.map((udid) => ({ udid, subject, uuid: null }))),
        after: ({ sent, failed }) =>
          run.note([
            ...sent.map(({ udid, commandUuid }) => ({
              udid,
              subject,
              uuid: commandUuid,
              state: 'sent' as const,
              code: null,
              sentence: null,
            })),
            ...failed.map(({ udid, code, sentence, unknown }) => ({
              udid,
              subject,
              uuid: null,
              state: unknown === true ? ('unknown' as const) : ('failed' as const),
              code,
              sentence,
            })),
          ]),
      });
      if (ended()) return stopped('commands/stopped', 'The run was stopped.');
    }
    return null;
  });
}

interface Task {
  readonly udid: string;
  readonly subject: string;
}

interface Run<T extends Task> {
  /** What has not been sent by an earlier run. */
  readonly open: readonly T[];
  isFirst: boolean;
  first: FailureError | null;
  intend(commands: readonly { udid: string; subject: string; uuid: string | null }[]): Promise<void>;
  note(results: readonly SentCommand[]): Promise<void>;
}

/** Opens the journal, leaves out what is sent already, does the work, and closes the journal whatever happens. */
async function running<T extends Task>(
  input: SendInput,
  tasks: readonly T[],
  work: (run: Run<T>) => Promise<Failure | null>,
  server: OldServer['kind'] | null = null,
): Promise<SendResult> {
  const planId = commandRunId(input.identity);
  const journal = await openCommandJournal(input.journal);
  const commands: SentCommand[] = [];
  try {
    const before = commandStanding(journal.found);
    const sent = new Set(
      before.commands.filter(({ state }) => state === 'sent').map(({ udid, subject }) => commandKey(udid, subject)),
    );
    const open = tasks.filter(({ udid, subject }) => !sent.has(commandKey(udid, subject)));
    await begin(journal, input, planId, server);
    let batch = before.nextBatch;
    const run: Run<T> = {
      open,
      isFirst: true,
      first: null,
      intend: (list) => journal.append({ kind: 'intent', batch, commands: [...list] }),
      note: async (results) => {
        commands.push(...results);
        await journal.append({
          kind: 'outcome',
          batch,
          results: results.map(({ udid, subject, uuid, state, code }) => ({ udid, subject, uuid, state, code })),
        });
        batch += 1;
      },
    };
    const why = await work(run).catch(async (error: unknown) => {
      const code = error instanceof FailureError ? error.failure.code : 'internal/defect';
      if (code !== 'journal/unwritable') await journal.append({ kind: 'closed', state: 'stopped', why: code });
      throw error;
    });
    await journal.append({ kind: 'closed', state: why === null ? 'complete' : 'stopped', why: why?.code ?? null });
    return {
      planId,
      journal: journal.path,
      state: why === null ? 'complete' : 'stopped',
      why,
      commands,
      already: tasks.length - open.length,
      left: open.length - commands.length,
    };
  } finally {
    await journal.close();
  }
}

function begin(
  journal: CommandJournal,
  input: SendInput,
  planId: string,
  server: OldServer['kind'] | null,
): Promise<void> {
  const { purpose, way, place, subjects, udids } = input.identity;
  return journal.append({
    kind: 'opened',
    planId,
    purpose,
    way,
    place,
    ...(server === null ? {} : { server }),
    ...operatorHere(),
    tool: input.tool,
    subjects: [...subjects],
    devices: udids.length,
    accepted: [...input.accepted],
    reason: input.reason,
  });
}

function stopped(code: string, message: string): Failure {
  return { code, message, remedy: 'Run the same command again: it goes on with what is left.', kind: 'finding' };
}
