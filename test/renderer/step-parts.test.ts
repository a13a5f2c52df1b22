/** The parts of the steps that are plain functions: where a plan stands, SQL in its colours, the words of the window. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AppState } from '../../src/contract/state';
import { blockingChecks, isTakenBack, standingOf } from '../../src/renderer/features/apply/apply-standing';
import { asksForFleet, inThisWindow } from '../../src/renderer/format/window-words';
import { EntryPages } from '../../src/renderer/features/journal/entry-pages';
import { SqlPages } from '../../src/renderer/features/plan/sql-pages';
import { sqlTokens } from '../../src/renderer/features/plan/sql-tokens';
import { DeviceCrowd, NOW } from './device-crowd';
import { stateOf } from './fake-state';
import * as scenes from './step-scenes';

const CORE = join(import.meta.dirname, '..', '..', 'src', 'core');

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

const full: AppState = { ...stateOf('huge', new DeviceCrowd(200, true)), ...scenes.GREEN };

describe('where a plan stands', () => {
  it('may be written once nothing holds it up', () => {
    expect(standingOf(full)?.cannot).toBeNull();
    expect(standingOf({ ...full, plan: null })).toBeNull();
  });

  it.each([
    ['a check', scenes.checks(), /2 checks hold it up/],
    ['no connection', { fleet: null }, /Connect to Fleet/],
    ['work under way', scenes.running('apply', 'writing'), /under way/],
    ['a plan out of date', { plan: { ...full.plan!, stale: 'It moved.' } }, /out of date/],
    [
      'a target nobody named',
      { workspace: { ...full.workspace!, settings: { ...full.workspace!.settings, badge: 'unset' as const } } },
      /staging or production/,
    ],
  ])('is held up by %s', (_name, part: Partial<AppState>, why) => {
    expect(standingOf({ ...full, ...part })?.cannot).toMatch(why);
  });

  it('counts what holds it up', () => {
    expect(blockingChecks({ ...full, ...scenes.checks() })).toBe(2);
  });

  it('forgets what was done with an earlier plan', () => {
    const later = { ...full, ...scenes.APPLIED, plan: { ...full.plan!, madeAt: NOW } };
    expect(standingOf(later)).toMatchObject({ rehearsal: null, applied: null, verified: null });
  });

  it('does not show as read back what was taken back since', () => {
    expect(standingOf({ ...full, ...scenes.APPLIED })?.verified).not.toBeNull();
    const undone = standingOf({ ...full, ...scenes.UNDONE });
    expect(undone?.verified).toBeNull();
    expect(isTakenBack(undone?.undone ?? null)).toBe(true);
  });
});

describe('SQL in its colours', () => {
  it.each([
    ['-- a word', [['comment', '-- a word']]],
    [
      "SET x = 'it''s';",
      [
        ['word', 'SET'],
        ['plain', ' x = '],
        ['literal', "'it''s'"],
        ['plain', ';'],
      ],
    ],
    [
      'VALUES (‹unlock token, 3 bytes, sha256 ab…›, 12)',
      [
        ['word', 'VALUES'],
        ['plain', ' ('],
        ['secret', '‹unlock token, 3 bytes, sha256 ab…›'],
        ['plain', ', '],
        ['number', '12'],
        ['plain', ')'],
      ],
    ],
    [
      '`hosts` @x',
      [
        ['name', '`hosts`'],
        ['plain', ' '],
        ['name', '@x'],
      ],
    ],
  ])('%s', (line, tokens) => {
    expect(sqlTokens(line).map(({ kind, text }) => [kind, text])).toEqual(tokens);
  });

  it('loses nothing of a line', () => {
    for (const line of ["'open", '`open', '/* open', '', "a'b`c-- d"]) {
      expect(
        sqlTokens(line)
          .map(({ text }) => text)
          .join(''),
      ).toBe(line);
    }
  });
});

describe('the words of the window', () => {
  it('names what an option stands for', () => {
    expect(inThisWindow('Not asked: no --fleet and --private-key-file was given.')).toBe(
      'Not asked: no Fleet database and the server private key was given.',
    );
    expect(inThisWindow('Run again with --fleet mysql://user@host/database.')).toBe(
      'Run again with the connection to Fleet’s database.',
    );
    expect(inThisWindow('mysqldump --single-transaction')).toBe('mysqldump --single-transaction');
  });

  it('leaves no option of the command line in what the engine says', () => {
    const texts = ['fleet', 'sources', 'database', 'ssh', 'migration/checks']
      .flatMap((folder) => filesIn(join(CORE, folder)))
      .flatMap((file) => [
        ...readFileSync(file, 'utf8').matchAll(
          /^\s+(?:\w+: )?'([^'\n]*--(?:fleet|api|private|accept|source|scep|push|ssh|via|no-ssh|enrollment)[^'\n]*)',?$/gm,
        ),
      ])
      .map(([, text = '']) => text);
    expect(texts.length).toBeGreaterThan(8);
    // Keys, certificates and profiles: every text in which a command or an option is named.
    const keys = ['assets', 'profile', 'certificates', 'inspector']
      .flatMap((folder) => filesIn(join(CORE, folder)))
      .flatMap((file) => [
        ...readFileSync(file, 'utf8')
          .replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
          .matchAll(
            /'((?:[^'\\\n]|\\.)* (?:[^'\\\n]|\\.)*)'|`((?:[^`\\$]|\\.|\$\{[^}]*\})* (?:[^`\\$]|\\.|\$\{[^}]*\})*)`/g,
          ),
      ])
      .map(([, quoted, template]) => quoted ?? template ?? '')
      .filter((text) => /(?<!-)--[a-z]|slipway /.test(text) && !text.startsWith('# '));
    expect(keys.length).toBeGreaterThan(25);
    expect(keys.map(inThisWindow).filter((text) => /--[a-z]|slipway /.test(text))).toEqual([]);
    expect(texts.map(inThisWindow).filter((text) => text.includes('--'))).toEqual([]);
  });

  it('says of a source what its form says', () => {
    const fingerprint = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU';
    expect(inThisWindow(`Compare it on the server itself, then add --ssh-host-key ${fingerprint}.`)).toBe(
      'Compare it on the server itself, then say here that it is the same.',
    );
    expect(inThisWindow('Give its passphrase (--ssh-passphrase-file or SLIPWAY_SSH_PASSPHRASE), or add it.')).toBe(
      'Give its passphrase, or add it.',
    );
    expect(inThisWindow('Give the CA and its key (--scep-ca, --scep-ca-key-file).')).toBe('Give the CA and its key.');
    expect(inThisWindow('Reach it over SSH (--via).')).toBe('Reach it over SSH.');
  });

  it('knows what is given at Fleet', () => {
    expect(asksForFleet('Run again with --fleet-url.')).toBe(true);
    expect(asksForFleet('Take a backup.')).toBe(false);
  });
});

describe('pages', () => {
  it('asks only for the newest search while one runs', async () => {
    const asked: string[] = [];
    const pages = new SqlPages(async ({ offset, limit, search }) => {
      asked.push(search);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return {
        ok: true,
        value: { total: 3, offset, lines: ['a', 'b', 'c'].slice(offset, offset + limit), matches: [1] },
      };
    });
    for (const words of ['', 'u', 'un', 'unl']) pages.search(words);
    await expect.poll(() => pages.current().search).toBe('unl');
    expect(asked).toEqual(['', 'unl']);
    expect(pages.line(2)).toBe('c');
    expect(pages.line(900)).toBeNull();
  });

  it('keeps what it has when a later page fails', async () => {
    let fails = false;
    const entry = { seq: 0, at: 0, kind: 'opened', sentence: 'It began.', detail: '' };
    const pages = new EntryPages(() =>
      Promise.resolve(
        fails
          ? { ok: false as const, failure: { code: 'x', message: 'No.', remedy: '' } }
          : { ok: true as const, value: { total: 300, entries: [entry] } },
      ),
    );
    pages.refresh();
    await expect.poll(() => pages.entry(0)?.sentence).toBe('It began.');
    fails = true;
    pages.see(200, 210);
    await expect.poll(() => pages.current().failure?.message).toBe('No.');
    expect(pages.entry(0)?.sentence).toBe('It began.');
    expect(pages.current().total).toBe(300);
  });
});
