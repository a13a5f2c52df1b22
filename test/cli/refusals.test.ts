/** What is refused beside a real Fleet, and how: exit codes, stable codes, and nothing done. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm, type WrittenMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type Account, type TestDatabase } from '../servers/mysql';
import { ACCEPT, fleet, patched, Workstation, type Outcome } from './workstation';

let desk: Workstation;
let written: WrittenMicroMdm;
let source: string;
beforeAll(() => {
  desk = new Workstation();
  const shares = { checkedOut: 0, noPushInfo: 0, mobile: 0.5 };
  written = writeMicroMdm(desk.path('source.db'), { seed: 'refusals', sign: 'real', devices: 6, shares });
  source = `micromdm:${written.path}`;
});
afterAll(() => desk.close());

describe.skipIf(noServer)('with a Fleet', () => {
  let database: TestDatabase;
  let account: Account;
  let plan: string;
  const tables = ['nano_devices', 'nano_enrollments', 'nano_cert_auth_associations'];
  const accept = ['--accept', ACCEPT];

  beforeAll(async () => {
    database = await createDatabase('generation-469');
    account = await database.createAccount(['ALL PRIVILEGES ON *']);
    plan = desk.path('plan.json');
    await desk.data(['plan', source, ...fleet(database).args, '--out', plan, ...accept], fleet(database));
  });
  afterAll(() => database.drop());

  const rows = async (): Promise<number> => {
    const counts = await Promise.all(
      tables.map((table) => database.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`)),
    );
    return counts.reduce((sum, [row]) => sum + Number(row?.n), 0);
  };
  /** An apply that must be refused, with nothing written and nothing journaled. */
  async function noApply(
    exit: number,
    code: string,
    path = plan,
    more: readonly string[] = ['--yes'],
    to = database,
  ): Promise<Outcome['error']> {
    const journals = desk.journals();
    const { args, env } = fleet(to);
    const error = await desk.refused(['apply', path, ...args, ...accept, ...more], exit, code, { env });
    expect([await rows(), desk.journals()]).toEqual([0, journals]);
    return error;
  }

  it('refuses a wrong password, an unknown account and an unknown database', async () => {
    const { args } = fleet(database, account);
    const out = ['--out', desk.path('never.json')];
    for (const password of ['wrong-hunter2', '']) {
      await desk.refused(['plan', source, ...args, ...out], 3, 'fleet/access-denied', {
        env: { SLIPWAY_FLEET_PASSWORD: password },
      });
    }
    for (const { stdout, stderr } of desk.said.slice(-4)) expect(stdout + stderr).not.toContain('hunter2');
    const { host, port } = database.server;
    const unknown = ['--fleet', `mysql://${database.server.user}@${host}:${port}/no_such_database`];
    await desk.refused(['plan', source, ...unknown, ...out], 3, 'fleet/unknown-database', fleet(database));
  });

  it('takes the password from a file or standard input as well', async () => {
    const { args } = fleet(database, account);
    const file = desk.file('password', `${account.password}\n`);
    const plans = [desk.path('by-file.json'), desk.path('by-input.json')];
    await desk.data(['plan', source, ...args, '--out', plans[0]!, '--fleet-password-file', file]);
    await desk.data(['plan', source, ...args, '--out', plans[1]!, '--fleet-password-file', '-'], {
      input: `${account.password}\n`,
    });
    // The same source, target and choices: the same plan.
    const [left, right] = plans.map((path) => readFileSync(path, 'utf8'));
    expect(left).toBe(right);
  });

  it('refuses a database that is not Fleet’s', async () => {
    const empty = await createDatabase('empty');
    const out = ['--out', desk.path('never.json')];
    await desk.refused(['plan', source, ...fleet(empty).args, ...out], 1, 'fleet/not-fleet', fleet(empty));
    await empty.drop();
  });

  it('asks nobody when nobody is there: exit 2, before any work', async () => {
    await noApply(2, 'usage/confirmation-needed', plan, []);
    await noApply(2, 'usage/confirmation-needed', plan, ['--rehearse']);
    await noApply(2, 'usage/confirmation-needed', desk.path('nowhere.json'), ['--backup-by', 'ann']);
    await desk.refused(['undo', desk.path('x.jsonl'), ...fleet(database).args], 2, 'usage/confirmation-needed');
    await desk.refused(['copies', '--delete'], 2, 'usage/confirmation-needed');
  });

  it('does not overwrite a plan, nor a SQL file beside it', async () => {
    const before = readFileSync(plan, 'utf8');
    const { args, env } = fleet(database);
    await desk.refused(['plan', source, ...args, '--out', plan], 2, 'file/exists', { env });
    expect(readFileSync(plan, 'utf8')).toBe(before);
    const sql = desk.file('mine.sql', 'mine');
    const fresh = desk.path('fresh.json');
    await desk.refused(['plan', source, ...args, '--out', fresh, '--sql', sql], 2, 'file/exists', { env });
    expect([readFileSync(sql, 'utf8'), desk.files().includes('fresh.json')]).toEqual(['mine', false]);
    await desk.data(['plan', source, ...args, '--out', plan, '--overwrite', ...accept], { env });
    expect(readFileSync(plan, 'utf8')).toBe(before);
  });

  it.each([
    [
      'a device',
      (text: string) =>
        text.replace(/("udid":")(.)/, (_, head: string, digit: string) => head + (digit === 'A' ? 'B' : 'A')),
    ],
    [
      'a row’s hash',
      (text: string) =>
        text.replace(/("rowsSha256":")(.)/, (_, head: string, digit: string) => head + (digit === '0' ? '1' : '0')),
    ],
    ['what is done', (text: string) => text.replace('"action":"insert"', '"action":"refresh"')],
    ['what was accepted', (text: string) => text.replace('"no-agent"', '"no-agend"')],
    ['where the copy is', (text: string) => text.replace('/copies/', '/copied/')],
    ['the target', (text: string) => text.replace(/("database": ")(.)/, '$1x')],
    [
      'its id',
      (text: string) =>
        text.replace(/("id": ")(.)/, (_, head: string, digit: string) => head + (digit === '0' ? '1' : '0')),
    ],
  ])('refuses a plan in which %s was changed', async (_, change) => {
    const text = readFileSync(plan, 'utf8');
    const edited = change(text);
    expect(edited).not.toBe(text);
    await noApply(1, 'plan/altered', desk.file('edited.json', edited));
  });

  it('refuses what is no plan, or half of one', async () => {
    const text = readFileSync(plan, 'utf8');
    await noApply(3, 'plan/unreadable', desk.file('half.json', text.slice(0, text.length / 2)));
    await noApply(3, 'plan/not-a-plan', desk.file('other.json', '{"schema":1}'));
    await noApply(3, 'plan/not-a-plan', desk.file('list.json', '[]'));
    await noApply(3, 'plan/unreadable', desk.file('empty.json', ''));
    await noApply(3, 'plan/unreadable', written.path);
  });

  it('refuses a plan for another schema', async () => {
    const newest = await createDatabase('generation-newest');
    await noApply(1, 'plan/schema-changed', plan, ['--yes'], newest);
    expect(await newest.query('SELECT id FROM nano_devices')).toEqual([]);
    await newest.drop();
  });

  it('applies nothing while a check fails, and lists what and what to do', async () => {
    const shares = { checkedOut: 0, noPushInfo: 0 };
    const foreign = writeMicroMdm(desk.path('foreign.db'), { seed: 'foreign', devices: 3, shares }).path;
    const { args, env } = fleet(database);
    const path = desk.path('foreign.json');
    await desk.data(['plan', `micromdm:${foreign}`, ...args, '--out', path, ...accept], { env });
    const error = await noApply(1, 'apply/checks-failed', path);
    expect(Object.keys(error.detail)).toEqual(['identities-foreign']);
    const people = desk.said.at(-1)!.stdout === '' ? desk.said.at(-2)! : desk.said.at(-1)!;
    expect(people.stdout).toContain('--accept identities-foreign');
    // What was not proven about the target must be accepted by name too.
    const unproven = desk.path('unproven.json');
    await desk.data(['plan', source, ...args, '--out', unproven, '--accept', 'no-agent'], { env });
    const { code, error: why } = await desk.slipway(['apply', unproven, ...args, '--yes', '--json'], { env });
    expect([code, why.code, Object.keys(why.detail)]).toEqual([1, 'apply/checks-failed', ['target-identity-unproven']]);
    expect(await rows()).toBe(0);
  });

  it('refuses a plan whose private copy was changed or deleted, and says where it was', async () => {
    const copied = JSON.parse(readFileSync(plan, 'utf8')) as { copy: { path: string } };
    const { path } = copied.copy;
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    changed[changed.length - 1]! ^= 1;
    writeFileSync(path, changed);
    await noApply(1, 'plan/copy-changed');
    writeFileSync(path, whole);

    const listed = (await desk.data(['copies'])) as { copies: { name: string; size: number }[]; deleted: boolean };
    expect(listed.copies).toContainEqual({ name: path.split('/').at(-1), size: whole.length });
    expect(await desk.data(['copies', '--delete', '--yes'])).toMatchObject({ deleted: true });
    expect(desk.files('copies')).toEqual([]);
    const error = await noApply(1, 'plan/copy-missing');
    expect(error.message).toContain(path);
    await desk.refused(['verify', plan, ...fleet(database).args], 1, 'plan/copy-missing', fleet(database));
    expect(await desk.data(['copies'])).toMatchObject({ copies: [] });
    writeFileSync(path, whole, { mode: 0o600 });
  });

  it('refuses a journal of another database, a rehearsal’s, and one that was changed', async () => {
    const other = await createDatabase('generation-469');
    const folder = desk.subfolder('elsewhere');
    const { args, env } = fleet(other);
    const apply = ['apply', plan, ...args, ...accept, '--yes', '--journals', folder];
    await desk.data([...apply, '--rehearse'], { env });
    const { journal, notes } = (await desk.data(apply, { env })) as { journal: string; notes: string[] };
    // Another database of the same schema is allowed, and said.
    expect(notes.join()).toContain('not the database the plan was made with');
    const undo = (path: string, to = other): string[] => ['undo', path, ...fleet(to).args, '--yes'];
    await desk.refused(undo(journal, database), 1, 'undo/other-target', { env });
    await desk.refused(undo(desk.journals('elsewhere', true)[0]!), 1, 'undo/rehearsal', { env });
    const text = readFileSync(journal, 'utf8');
    const edited = desk.path('elsewhere/edited.journal.jsonl');
    writeFileSync(
      edited,
      text.replace('"inserted":6', '"inserted":5').replace('"action":"insert"', '"action":"refresh"'),
    );
    await desk.refused(undo(edited), 1, 'journal/altered', { env });
    rmSync(edited);
    await desk.refused(undo(desk.path('nowhere.journal.jsonl')), 3, 'journal/unreadable', { env });
    expect(await other.query('SELECT id FROM nano_devices')).toHaveLength(6);
    await other.drop();
  });

  describe('drift', () => {
    let target: TestDatabase;
    let drifting: string;
    let own: string;
    beforeAll(async () => {
      target = await createDatabase('generation-469');
      own = desk.path('drifting.db');
      copyFileSync(written.path, own);
      drifting = desk.path('drifting.json');
      await desk.data(['plan', `micromdm:${own}`, ...fleet(target).args, '--out', drifting, ...accept], fleet(target));
    });
    afterAll(() => target.drop());
    const apply = (...more: string[]): string[] => ['apply', drifting, ...fleet(target).args, '--yes', ...more];
    const ids = async (): Promise<string[]> =>
      (await target.query<{ id: string }>('SELECT id FROM nano_devices')).map(({ id }) => id);

    it('stops when the source is gone, unless that is accepted', async () => {
      rmSync(own);
      const error = await desk.refused(apply(...accept), 3, 'bolt/not-found', fleet(target));
      expect(error.remedy).toMatch(/--source.*--accept source-not-reread/);
      expect(await ids()).toEqual([]);
      const rehearsed = await desk.data(apply('--rehearse', '--accept', `${ACCEPT},source-not-reread`), fleet(target));
      expect(rehearsed).toMatchObject({ counts: { inserted: 6, held: 0 } });
      expect((rehearsed as { notes: string[] }).notes.join()).toContain('not read again');
    });

    it('holds back the devices that changed, writes the others, and says which', async () => {
      const [device] = written.devices;
      const changed = desk.file(
        'changed.db',
        patched(written.path, device!.token, Buffer.from(device!.token, 'hex').reverse().toString('hex')),
      );
      const { code, stdout } = await desk.slipway(
        [...apply(...accept), '--source', `micromdm:${changed}`, '--json'],
        fleet(target),
      );
      expect(code).toBe(1);
      const result = JSON.parse(stdout) as { counts: Record<string, number>; held: { udid: string; code: string }[] };
      expect(result.counts).toMatchObject({ planned: 6, inserted: 5, held: 1 });
      expect(result.held).toMatchObject([{ udid: device!.udid, code: 'source-drift' }]);
      expect(await ids()).not.toContain(device!.udid);
      expect(stdout).not.toContain(device!.magic);
      // A contact alone is no drift: where the source is as it was, the rest goes in.
      expect(await desk.data([...apply(...accept), '--source', source], fleet(target))).toMatchObject({
        counts: { inserted: 1, already: 5, held: 0 },
      });
      expect(await ids()).toHaveLength(6);
    });

    it('shows for people which device is held, and why', async () => {
      const [device] = written.devices;
      const path = desk.path('changed.db');
      const { code, stdout } = await desk.slipway([...apply(...accept), '--source', `micromdm:${path}`], fleet(target));
      expect(code).toBe(1);
      expect(stdout).toMatch(new RegExp(`${device!.udid!}: .* source-drift`));
    });
  });

  describe.each(['generation-469', 'generation-newest'] as const)('an account without grants on %s', (schema) => {
    let target: TestDatabase;
    beforeAll(async () => void (target = await createDatabase(schema)));
    afterAll(() => target.drop());

    it('is told the GRANT statements that make it work, and needs no others', async () => {
      const bare = await target.createAccount([]);
      const { args, env } = fleet(target, bare);
      const path = desk.path(`${schema}.json`);
      const planned = await desk.slipway(['plan', source, ...args, '--out', path, '--json'], { env });
      expect([planned.code, planned.error.code]).toEqual([3, 'fleet/access-denied']);

      const granted = new Set<string>();
      for (let round = 0; ; round += 1) {
        expect(round).toBeLessThan(4);
        const { code, stdout } = await desk.slipway(
          ['check', source, ...args, ...accept, '--backup-by', 'ann', '--json'],
          { env },
        );
        const { checks } = JSON.parse(stdout) as { checks: { id: string; commands: string[] }[] };
        const statements = checks.flatMap(({ commands }) => commands).filter((command) => command.startsWith('GRANT'));
        if (statements.length === 0) {
          expect(code).toBe(0);
          break;
        }
        for (const statement of statements) {
          expect(statement).toMatch(
            new RegExp(`^GRANT [A-Z, ]+ ON \`${target.name}\`\\.\`\\w+\` TO '${bare.user}'@'%';$`),
          );
          expect(granted.has(statement)).toBe(false);
          granted.add(statement);
          await target.query(statement.slice(0, -1));
        }
      }
      expect(granted.size).toBeGreaterThan(10);

      await desk.data(['plan', source, ...args, '--out', path, ...accept], { env });
      const apply = ['apply', path, ...args, ...accept, '--yes'];
      await desk.data([...apply, '--rehearse'], { env });
      const { journal } = (await desk.data(apply, { env })) as { journal: string };
      await desk.data(['verify', path, ...args], { env });
      expect(await target.query('SELECT id FROM nano_devices')).toHaveLength(6);
      expect(await desk.data(['undo', journal, ...args, '--yes'], { env })).toMatchObject({ counts: { removed: 6 } });
      // It may do nothing more than that.
      const root = await target.query<Record<string, string>>('SHOW GRANTS FOR ?@?', [bare.user, '%']);
      const has = root
        .map((row) => Object.values(row)[0] ?? '')
        .filter((line) => !line.startsWith('GRANT USAGE ON *.*'));
      expect(has.every((line) => line.includes(`ON \`${target.name}\`.\``))).toBe(true);
    }, 180_000);
  });
});
