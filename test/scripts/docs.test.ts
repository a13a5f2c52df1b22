/**
 * The guides against what they speak of: commands and options as the manual page lists them, links, pictures, files, error codes,
 * variables, scripts. What a guide names and nothing has is a guide that is behind.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GUIDES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const text = new Map(GUIDES.map((guide) => [guide, readFileSync(join(ROOT, guide), 'utf8')]));

/** Paths of the checkout, without what is made or fetched. */
const FILES = ['src', 'test', 'scripts', 'docs', 'resources'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
);
const SOURCES = FILES.filter((name) => /^(src|scripts)\/.*\.(ts|tsx|mjs)$/.test(name))
  .map((name) => readFileSync(join(ROOT, name), 'utf8'))
  .join('\n');

interface Definition {
  readonly least: number;
  readonly most: number;
  /** Long names; true where a value follows. */
  readonly options: ReadonlyMap<string, boolean>;
}

/** What the commands really take. */
const COMMANDS = definitions(
  execFileSync(process.execPath, [join(ROOT, 'out', 'cli', 'index.js'), 'man'], { encoding: 'utf8' }),
);
const KNOWN_OPTIONS = new Set([...COMMANDS.values()].flatMap(({ options }) => [...options.keys()]));

function definitions(page: string): ReadonlyMap<string, Definition> {
  const sections = page.replaceAll('\\-', '-').split('\n.SS slipway ').slice(1);
  return new Map(
    sections.map((section) => {
      const [name = '', ...subjects] = (section.split('\n')[0] ?? '').split(' ');
      const flags = [...section.matchAll(/^\.B (?:-\w, )?(--[a-z0-9-]+)( [<[])?/gm)];
      return [
        name,
        {
          least: subjects.filter((subject) => !subject.startsWith('[')).length,
          most: subjects.some((subject) => subject.includes('...')) ? Infinity : subjects.length,
          options: new Map([
            ...flags.map(([, flag = '', value]) => [flag, value !== undefined] as const),
            ['--help', false] as const,
          ]),
        },
      ];
    }),
  );
}

/** Lines of code in a guide: whole blocks, continued lines joined, and what stands between backticks. */
function codeOf(guide: string): { readonly line: string; readonly block: boolean }[] {
  const source = text.get(guide) ?? '';
  const blocks = [...source.matchAll(/^```[a-z]*\n([\s\S]*?)^```$|((?:^ {4}.*\n)+)/gm)].flatMap(
    ([, fenced, indented]) => (fenced ?? indented ?? '').replaceAll(/\\\n\s*/g, ' ').split('\n'),
  );
  const prose = source.replaceAll(/^```[a-z]*\n[\s\S]*?^```$/gm, '');
  const inline = [...prose.matchAll(/`([^`\n]+(?:\n[^`\n]+)?)`/g)].map(([, code = '']) => code.replaceAll('\n', ' '));
  return [...blocks.map((line) => ({ line, block: true })), ...inline.map((line) => ({ line, block: false }))];
}

/** The words of a command as a shell splits them; nothing in the guides needs more than quotes. */
const words = (line: string): string[] =>
  [...line.matchAll(/(?:"[^"]*"|'[^']*'|«[^»]*»|[^\s"'])+/g)].map(([word]) => word);

/** What is wrong with a command line, by the definitions. */
function faultsOf(line: string, whole: boolean): string[] {
  const [name = '', ...rest] = words(line.split(/ \| | > | && |; |#/)[0] ?? '');
  if (!/^[a-z]+$/.test(name)) return [];
  const command = COMMANDS.get(name);
  if (command === undefined) return name === 'help' ? [] : [`no command ${name}`];
  const faults: string[] = [];
  let subjects = 0;
  let taking = false;
  for (const word of rest) {
    if (word.startsWith('--')) {
      const [flag = '', value] = word.split('=');
      const takes = command.options.get(flag);
      if (takes === undefined) faults.push(`${name} has no ${flag}`);
      taking = takes === true && value === undefined;
    } else if (taking) {
      // Options of several values take on until the next option; the line's own subjects come first in the guides.
      continue;
    } else if (!/^(…|\.\.\.|\[|\])/.test(word)) subjects += 1;
  }
  if (subjects > command.most) faults.push(`${name} takes ${command.most} subjects, not ${subjects}`);
  if (whole && !line.includes('…') && subjects < command.least) faults.push(`${name} needs ${command.least} subjects`);
  return faults;
}

describe.each(GUIDES)('%s', (guide) => {
  it('has commands that Slipway takes', () => {
    const lines = codeOf(guide).flatMap(({ line, block }) => {
      const [, command] =
        /^\s*(?:\$ |.* )?(?:slipway|node out\/cli\/index\.js|node slipway\.mjs) (.*)$/.exec(line) ?? [];
      if (command === undefined || (!block && !/^(?:\$ )?(?:slipway|node) /.test(line))) return [];
      return [{ command, block }];
    });
    expect(lines.flatMap(({ command, block }) => faultsOf(command, block))).toEqual([]);
  });

  it('names options that there are', () => {
    const named = codeOf(guide).flatMap(({ line, block }) => (!block && /^--[a-z]/.test(line) ? [line] : []));
    const flags = named.map((line) => (line.split(/[ =[]/)[0] ?? '').replace(/[,;.]$/, ''));
    expect(
      flags.filter((flag) => !flag.includes('…') && !KNOWN_OPTIONS.has(flag) && !OTHERS_OPTIONS.has(flag)),
    ).toEqual([]);
  });

  it('leads to pages, headings and pictures that are there', () => {
    const links = [...(text.get(guide) ?? '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links.filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? guide : relative(ROOT, join(ROOT, dirname(guide), path));
      if (!existsSync(join(ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(text.get(file) ?? '').includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names files, codes, scripts and variables that there are', () => {
    const names = codeOf(guide).flatMap(({ line, block }) => (block ? [] : [line.replace(/\(.*$/, '')]));
    expect(
      names.filter((name) => /^[\w.-]+(\/[\w.*-]+)+\/?$/.test(name) && !name.includes('NAME') && !isThere(name)),
    ).toEqual([]);
    expect(names.filter((name) => /^[a-z]+(-[a-z0-9]+)+$/.test(name) && !isWord(name))).toEqual([]);
    const everything = text.get(guide) ?? '';
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const run = [...everything.matchAll(/npm run (?:-s )?([a-z]+)/g)].map(([, name = '']) => name);
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
    const variables = [...everything.matchAll(/\bSLIPWAY_[A-Z_]+/g)].map(([name]) => name);
    const tests = ['test', 'electron-builder.config.mjs'];
    const known = (name: string): boolean => SOURCES.includes(name) || tests.some((place) => mentions(place, name));
    expect(variables.filter((name) => !known(name))).toEqual([]);
  });
});

it('the JSON contract has every command that prints JSON', () => {
  const contract = text.get('docs/json-contract.md') ?? '';
  const silent = [...COMMANDS].flatMap(([name, { options }]) => {
    const told = new RegExp(`^## .*\\b${name}\\b|\`${name}(?: \\w+)*(?: --json)?\`|\`${name} SOURCE`, 'm').test(
      contract,
    );
    return options.has('--json') && !told ? [name] : [];
  });
  expect(silent).toEqual([]);
});

/** Options of other programs, in sentences about those. */
const OTHERS_OPTIONS = new Set([
  '--appimage-extract-and-run',
  '--cpu',
  '--default-character-set',
  '--force',
  '--init-command',
  '--network',
  '--no-window',
  '--screenshot',
  '--use-system-configuration',
]);

/** Words between backticks that are somebody else's: names of their tables, programs, settings. */
const OTHERS_WORDS = new Set([
  'lib/profiles/*.mobileconfig',
  'tools/mdm/migration/micromdm/touchless',
  'tools/mdm/migration/mdmproxy',
]);

/** As the heading is linked to: lower case, without marks, blanks as hyphens. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** A file or folder by the end of its path, with or without its ending; an error's code; a path of another program. */
function isThere(name: string): boolean {
  const path = name.replace(/\/$/, '').replace(/\*.*$/, '');
  // Made, not kept.
  if (/^(out|\.cache|test-results)\//.test(path)) return true;
  if (existsSync(join(ROOT, path))) return true;
  if (
    FILES.some(
      (file) => `/${file}`.endsWith(`/${path}`) || `/${file}`.includes(`/${path}.`) || `/${file}`.includes(`/${path}`),
    )
  )
    return true;
  return SOURCES.includes(`'${name}'`) || OTHERS_WORDS.has(name);
}

const isWord = (name: string): boolean => SOURCES.includes(name) || OTHERS_WORDS.has(name) || isThere(name);

function mentions(place: string, name: string): boolean {
  const path = join(ROOT, place);
  if (place.endsWith('.mjs')) return readFileSync(path, 'utf8').includes(name);
  return FILES.some(
    (file) =>
      file.startsWith(`${place}/`) && /\.(ts|mjs)$/.test(file) && readFileSync(join(ROOT, file), 'utf8').includes(name),
  );
}
