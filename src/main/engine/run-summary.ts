/** What apply, verify and undo ended with, as the window shows it. Lists are bounded; the journal has them whole. */
import type { ApplySummary, UndoSummary, VerifySummary } from '../../contract/state';
import type { ApplyResult } from '../../core/migration/apply';
import type { UndoResult } from '../../core/migration/undo';
import type { VerifyResult } from '../../core/migration/verify';

const MOST_DEVICES = 200;

export function applySummaryOf(result: ApplyResult): ApplySummary {
  const { planned, inserted, refreshed, unchanged, already, held, left, queueSwitchedOff } = result.counts;
  const notes = [...result.notes];
  if (queueSwitchedOff > 0) notes.push(`${queueSwitchedOff} stale commands of an earlier import were switched off.`);
  if (result.serial === 'inserted') notes.push('Fleet’s certificate serials were lifted above the old CA’s.');
  if (result.serial === 'not-rehearsed')
    notes.push('Lifting the certificate serials cannot be rehearsed: it would move the counter for good.');
  return {
    rehearsal: result.rehearsal,
    state: result.state,
    finishedAt: Date.now(),
    journal: result.journal,
    counts: { planned, inserted, refreshed, unchanged, already, held, left },
    held: result.held.slice(0, MOST_DEVICES).map(({ udid, code, sentence }) => ({ udid, code, sentence })),
    notes,
  };
}

export function verifySummaryOf(result: VerifyResult): VerifySummary {
  const { devices, rows, same, differs, missing, extra } = result.counts;
  return {
    at: Date.now(),
    counts: { devices, rows, same, differs, missing, extra, touchedSince: result.counts['touched-since'] },
    compared: result.compared,
    devices: [...result.devices]
      .sort((left, right) => Number(left.state === 'touched-since') - Number(right.state === 'touched-since'))
      .slice(0, MOST_DEVICES)
      .map(({ udid, state, changes }) => ({
        udid,
        state,
        columns: changes.flatMap(({ table, change, columns }) =>
          columns.length === 0 ? [`${table}: ${change}`] : columns.map(([column]) => `${table}.${column}`),
        ),
      })),
  };
}

export function undoSummaryOf(result: UndoResult): UndoSummary {
  const { journaled, removed, gone, left } = result.counts;
  return {
    rehearsal: result.rehearsal,
    state: result.state,
    finishedAt: Date.now(),
    journal: result.journal,
    counts: { journaled, removed, gone, left },
    left: result.left.slice(0, MOST_DEVICES).map(({ udid, code, sentence }) => ({ udid, code, sentence })),
    notes: [
      ...Object.entries(result.remaining).map(
        ([name, count]) => `${count} rows stay in ${name}: they are Fleet’s own.`,
      ),
      ...result.notes,
    ],
  };
}
