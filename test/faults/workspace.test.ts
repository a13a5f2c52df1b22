/**
 * Every file of a window's workspace is damaged in every way: it opens with settings that are whole, or says what is wrong;
 * the second time it opens; and plans and journals are what they were.
 */
import { newFolder } from '../main/home';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { settings as settingsSchema } from '../../src/contract/state';
import { attempt } from '../../src/core/failure';
import { Workspace } from '../../src/main/workspace';
import { DEFAULT_SETTINGS } from '../../src/main/workspace-file';

const FILE = 'workspace.json';
let whole: string;
beforeAll(async () => {
  const workspace = await Workspace.create(newFolder('workspaces'), 'whole');
  await workspace.save({ badge: 'production', reason: 'a reason', accepted: ['no-agent'] });
  await workspace.advance({ plan: 'a.json' });
  await workspace.close();
  whole = workspace.path;
  writeFileSync(join(whole, 'plans', 'a.json'), '{"a plan": true}');
  writeFileSync(join(whole, 'journals', 'a.journal.jsonl'), '{"a line": true}\n');
});

/** A copy of the workspace to damage. */
function copied(): string {
  const path = newFolder('damaged');
  cpSync(whole, path, { recursive: true });
  return path;
}

/** Opens it, if it opens; says with which settings or with which failure. */
async function opened(path: string): Promise<string> {
  const outcome = await attempt(() => Workspace.open(path));
  if (!outcome.ok) {
    const { code, message, remedy } = outcome.failure;
    expect(code).toMatch(/^workspace\//);
    expect(message.length).toBeGreaterThan(20);
    expect(remedy.length).toBeGreaterThan(10);
    return code;
  }
  const { settings } = outcome.value;
  expect(settingsSchema.safeParse(settings).success).toBe(true);
  await outcome.value.close();
  return 'opened';
}

function isKept(path: string): void {
  expect(readFileSync(join(path, 'plans', 'a.json'), 'utf8')).toBe('{"a plan": true}');
  expect(readFileSync(join(path, 'journals', 'a.journal.jsonl'), 'utf8')).toBe('{"a line": true}\n');
  expect(readdirSync(path).filter((name) => name.startsWith('.slipway.lock'))).toEqual([]);
}

describe('workspace.json', () => {
  it('cut off anywhere, or with a bit of it flipped, is set aside as it is or opens whole', async () => {
    const text = readFileSync(join(whole, FILE));
    const damages = Array.from({ length: 24 }, (_, number) => Math.floor((number * (text.length - 1)) / 24)).flatMap(
      (at) => {
        const flipped = Buffer.from(text);
        flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
        return [text.subarray(0, at), flipped];
      },
    );
    for (const bytes of damages) {
      const path = copied();
      writeFileSync(join(path, FILE), bytes);
      const first = await opened(path);
      expect(['opened', 'workspace/damaged', 'workspace/newer']).toContain(first);
      if (first === 'workspace/damaged') {
        const aside = readdirSync(path).find((name) => name.startsWith(`${FILE}.damaged-`)) ?? '';
        expect(readFileSync(join(path, aside)).equals(bytes)).toBe(true);
        expect(await opened(path)).toBe('opened');
      }
      isKept(path);
    }
  });

  it('with a setting of another type, whichever, never reaches the window as that', async () => {
    const content = JSON.parse(readFileSync(join(whole, FILE), 'utf8')) as Record<string, unknown>;
    for (const name of Object.keys(DEFAULT_SETTINGS)) {
      for (const wrong of [0, 'text', true, null, [{}], { a: { b: 1 } }]) {
        const path = copied();
        const settings = { ...(content['settings'] as object), [name]: wrong };
        writeFileSync(join(path, FILE), JSON.stringify({ ...content, settings }));
        expect(['opened', 'workspace/damaged'], `${name}: ${JSON.stringify(wrong)}`).toContain(await opened(path));
        isKept(path);
        rmSync(path, { recursive: true });
      }
    }
  });
});

describe('something else where a file or folder of it should be', () => {
  const put: Record<string, (path: string) => void> = {
    'a folder': (path) => mkdirSync(path),
    'a full folder': (path) => {
      mkdirSync(path);
      writeFileSync(join(path, 'x'), 'x');
    },
    'a file': (path) => writeFileSync(path, 'x'),
    'a link to nowhere': (path) => symlinkSync('/nowhere/at/all', path),
    'a link to itself': (path) => symlinkSync(path, path),
    nothing: () => undefined,
  };
  for (const name of [FILE, '.slipway.lock', 'plans', 'journals', 'reports'])
    for (const what of Object.keys(put))
      it(`${what} as ${name}`, async () => {
        const path = copied();
        rmSync(join(path, name), { recursive: true, force: true });
        put[what]?.(join(path, name));
        const first = await opened(path);
        if (first === 'workspace/damaged') expect(await opened(path)).toBe('opened');
        // What was not touched is what it was.
        if (name !== 'plans') expect(readFileSync(join(path, 'plans', 'a.json'), 'utf8')).toBe('{"a plan": true}');
        if (name !== 'journals') expect(readdirSync(join(path, 'journals'))).toEqual(['a.journal.jsonl']);
      });
});
