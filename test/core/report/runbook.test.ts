/** The runbook: what is bound to checks and milestones, what people confirm, and staging beside production. */
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../../src/core/migration/checks';
import {
  EMPTY_RUNBOOK,
  parseRunbook,
  RUNBOOK,
  RUNBOOK_STEPS,
  runbookColumn,
  type RunbookFacts,
} from '../../../src/core/report/runbook';

type Status = 'pass' | 'warn' | 'fail' | 'skipped';
const facts = (
  checks: Record<string, Status> = {},
  milestones: RunbookFacts['milestones'] = new Map(),
): RunbookFacts => ({
  checks: new Map(Object.entries(checks).map(([id, status]) => [id, { status, sentence: `${id} says ${status}` }])),
  milestones,
});
const tick = { by: 'Ann', note: 'seen', at: 1 };

describe('the list', () => {
  it('binds to checks that exist, names each line once, and follows the steps', () => {
    const known = new Set(CHECKS.map(({ id }) => id));
    for (const { id, checks = [] } of RUNBOOK) for (const check of checks) expect(known, id).toContain(check);
    expect(new Set(RUNBOOK.map(({ id }) => id)).size).toBe(RUNBOOK.length);
    expect([...new Set(RUNBOOK.map(({ step }) => step))]).toEqual([...RUNBOOK_STEPS]);
  });
});

describe('a line bound to a check', () => {
  const cell = (status: Status | null, before = {}): unknown =>
    runbookColumn(facts(status === null ? {} : { backup: status }), before)['backup'];

  it('stands and falls with it', () => {
    expect(cell(null)).toMatchObject({ state: 'open' });
    expect(cell('skipped')).toMatchObject({ state: 'open' });
    expect(cell('pass')).toEqual({ state: 'done', sentence: 'backup says pass', tick: null });
    expect(cell('warn')).toMatchObject({ state: 'attention', sentence: 'backup says warn' });
    expect(cell('fail')).toMatchObject({ state: 'attention', sentence: 'backup says fail' });
  });

  it('a name to it settles a warning, and never a failure', () => {
    const before = { backup: { state: 'attention' as const, sentence: '', tick } };
    expect(cell('warn', before)).toMatchObject({ state: 'done', tick });
    expect(cell('fail', before)).toMatchObject({ state: 'attention', tick });
  });

  it('needs all of several', () => {
    const of = (a: Status, b: Status): unknown =>
      runbookColumn(facts({ 'target-ca': a, 'target-topic': b }), {})['assets']?.state;
    expect([of('pass', 'pass'), of('pass', 'skipped'), of('pass', 'fail'), of('warn', 'fail')]).toEqual([
      'done',
      'open',
      'attention',
      'attention',
    ]);
  });
});

describe('a line bound to a milestone, and one that is not', () => {
  it('is done when it was reached', () => {
    const at = (reached: boolean): unknown =>
      runbookColumn(facts({}, new Map([['applied', { reached, sentence: 'x' }]])), {})['applied'];
    expect(at(true)).toMatchObject({ state: 'done', sentence: 'x' });
    expect(at(false)).toMatchObject({ state: 'attention' });
    expect(runbookColumn(facts(), {})['applied']).toMatchObject({ state: 'open' });
  });

  it('is confirmed by a name', () => {
    expect(runbookColumn(facts(), {})['window']).toMatchObject({ state: 'open' });
    expect(runbookColumn(facts(), { window: { state: 'open', sentence: '', tick } })['window']).toEqual({
      state: 'done',
      sentence: 'Confirmed by Ann: seen.',
      tick,
    });
  });
});

describe('the file', () => {
  it('comes back as it was written', () => {
    const production = runbookColumn(facts({ backup: 'pass' }), { window: { state: 'open', sentence: '', tick } });
    const file = { ...EMPTY_RUNBOOK, columns: { staging: {}, production } };
    expect(parseRunbook(JSON.stringify(file))).toEqual(file);
  });

  it.each(['', '{}', '{"schema":2}', 'null'])('«%s» is refused', (text) => {
    expect(() => parseRunbook(text)).toThrow('report/runbook-damaged');
  });
});
