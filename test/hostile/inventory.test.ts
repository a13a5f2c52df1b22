/**
 * No parser without inputs: whatever reads bytes or text from outside is called by the fuzzing (parsers.ts), or stands
 * below with the parser that leads to it.
 *
 * The rule is by shape, so that a new module cannot be forgotten: an exported function of the engine or of main called
 * `parse…`, `read…`, `decode…` or `open…` whose first parameter is a Buffer or a string.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PARSERS } from './parsers';

const root = join(import.meta.dirname, '..', '..');

/** Reached through a parser of the inventory, which is named; null: it takes nothing from outside, or has a test of its own. */
const REACHED: Readonly<Record<string, keyof typeof PARSERS | null>> = {
  'core/certificates/der.ts openCertificate': 'scep-depot',
  'core/certificates/password-encryption.ts readAlgorithm': 'pkcs12',
  'core/profile/enrollment.ts readInstalled': 'enrollment-profile',
  'core/sources/micromdm/push-info.ts decodePush': 'micromdm-database',
  'core/sources/micromdm/profile.ts openProfile': 'micromdm-database',
  'core/sources/micromdm/user.ts decodeUser': 'micromdm-database',
  'core/sources/micromdm/index.ts readMicroMdm': 'micromdm-database',
  'core/bolt/page.ts readPageId': 'bolt',
  // Bolt's pages and protobuf's fields, both of which are tried; what it makes of them is in test/core/controls.
  'core/sources/micromdm/profile-commands.ts readProfileCommands': 'protobuf',
  'core/sources/csv/table-text.ts readTableText': 'table',
  'core/sources/csv/json-table.ts readJsonTable': 'table',
  'core/database/address.ts parseDatabaseAddress': 'written-address',
  'core/assets/journal.ts readAssetsJournal': 'assets-journal',
  'core/assets/journal.ts openAssetsJournal': 'assets-journal',
  'core/commands/command-journal.ts readCommandJournal': 'command-journal',
  'core/commands/command-journal.ts openCommandJournal': 'command-journal',
  'core/cutover/wave-journal.ts openWaves': 'waves-journal',
  'core/migration/chained-log.ts readLog': 'journal',
  // Given to Node's TLS as it is, once it is text (test/core/database).
  'core/database/trust.ts readCaFile': null,
  // Every form openssl and ssh-keygen write, damaged ones too (test/core/ssh).
  'core/ssh/key-file.ts openKeyFile': null,
  // An address that ssh/address has read.
  'core/ssh/index.ts openTunnel': null,
  'core/ssh/index.ts openFolder': null,
  // Bytes as they are; what is made of them is their caller's.
  'core/given-file.ts readGiven': null,
  'core/given-file.ts readGivenSecret': null,
  'main/private-file.ts readIfThere': null,
};

const SHAPE =
  /^export (?:async )?function\*? ((?:parse|read|decode|open)[A-Z]\w*)(?:<[^(]*>)?\(\s*\w+: (?:Buffer|string)\b/gm;

it('knows every parser there is', () => {
  const inventory = readFileSync(join(import.meta.dirname, 'parsers.ts'), 'utf8');
  const called = (name: string): boolean =>
    new RegExp(`\\b${name}\\b(?=[,(\\s)])`).test(inventory.replace(/^import .*$/gm, ''));
  const found: string[] = [];
  const missing: string[] = [];
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  for (const path of files.filter((file) => /^(core|main)[\\/].*\.ts$/.test(file)).sort()) {
    for (const [, name = ''] of readFileSync(join(root, 'src', path), 'utf8').matchAll(SHAPE)) {
      const key = `${path.replaceAll('\\', '/')} ${name}`;
      found.push(key);
      if (!called(name) && !Object.hasOwn(REACHED, key)) missing.push(key);
    }
  }
  expect(found.length).toBeGreaterThan(50);
  expect(missing, 'give each a parser in parsers.ts with inputs in corpus/, or say here what leads to it').toEqual([]);
  // What is gone, or was taken in meanwhile, does not stay here.
  const stale = Object.keys(REACHED).filter((key) => !found.includes(key) || called(key.split(' ')[1] ?? ''));
  expect(stale).toEqual([]);
  for (const parser of Object.values(REACHED)) if (parser !== null) expect(Object.keys(PARSERS)).toContain(parser);
});
