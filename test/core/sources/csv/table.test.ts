/** Tables as they come from databases and spreadsheets: read when they are right, answered by row and column when not. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FailureError, type Failure } from '../../../../src/core/failure';
import { judge } from '../../../../src/core/migration/verdict';
import { copySource, parseSource, readSource } from '../../../../src/core/sources';
import { COLUMN, COLUMNS, nearestColumn } from '../../../../src/core/sources/csv/column';
import { tableTemplate } from '../../../../src/core/sources/csv/template';
import type { Snapshot } from '../../../../src/core/sources/snapshot';
import { buildDevice, JUDGED_AT, TOPIC } from '../../../snapshot-builder';
import { rowsOfDevice, TABLE_COLUMNS, writeTable, type TableRow } from '../../../table-writer';

let folder: string;
let pem: string;
let der: Buffer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-table-'));
  const [key, certificate] = [join(folder, 'k.pem'), join(folder, 'c.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-days',
      '300',
      '-subj',
      '/CN=Device',
    ],
    { stdio: 'ignore' },
  );
  pem = readFileSync(certificate, 'utf8');
  der = execFileSync('openssl', ['x509', '-in', certificate, '-outform', 'DER']);
});
afterAll(() => rmSync(folder, { recursive: true }));

const SHA = 'ab'.repeat(32);
const TOKEN = '740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad';
const row = (more: TableRow = {}): TableRow => ({
  udid: '4DCA6C23-A793-42C7-8808-C3DD9B45BD83',
  serial: 'C02XL0GYJGH5',
  product_name: 'MacBookPro18,1',
  enrolled: 'true',
  topic: TOPIC,
  push_magic: 'magic-of-the-device',
  token: TOKEN,
  certificate_sha256: SHA,
  last_seen: '2026-09-01T11:00:00Z',
  ...more,
});

let number = 0;
async function read(content: string | Buffer, at = JUDGED_AT): Promise<Snapshot> {
  const path = join(folder, `${(number += 1)}.csv`);
  writeFileSync(path, content);
  return readSource(parseSource(`csv:${path}`), { at });
}

async function failureOf(content: string | Buffer): Promise<Failure> {
  try {
    await read(content);
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('it was read');
}

/** What is said to be wrong, one a line. */
async function problemsOf(content: string | Buffer): Promise<string[]> {
  const failure = await failureOf(content);
  expect([failure.code, failure.kind]).toEqual(['csv/invalid', 'unreadable']);
  expect(JSON.stringify(failure)).not.toContain('magic-of-the-device');
  return String(failure.detail?.['problems']).split('\n');
}

describe('a table that is right', () => {
  it.each([
    ['commas and CRLF', {}],
    ['semicolons and a byte order mark, as Excel in Europe', { delimiter: ';', mark: true }],
    ['tabs and LF', { delimiter: '\t', newline: '\n' }],
    ['every cell in quotes', { quoteAll: true }],
    ['other order of columns', { columns: [...TABLE_COLUMNS].reverse() }],
  ])('%s', async (_how, style) => {
    const name = 'Zoë’s "Mac", 2;\r\nnew\tline =1+1';
    const { devices } = await read(writeTable([row({ name, certificate_sha256: '', certificate: pem })], style));
    expect(devices).toHaveLength(1);
    expect(devices.at(0)).toMatchObject({ name, serial: 'C02XL0GYJGH5', platform: 'darwin', enrolled: true });
    expect(devices.at(0)?.certificate?.der?.equals(der)).toBe(true);
    expect(devices.at(0)?.push?.tokenHex).toBe(TOKEN);
  });

  it.each(['utf16le', 'utf16be'])('%s, as Excel writes «Unicode text»', async (encoding) => {
    const bytes = Buffer.from(`\ufeff${writeTable([row({ name: '東京 📱' })], { delimiter: '\t' })}`, 'utf16le');
    const { devices } = await read(encoding === 'utf16le' ? bytes : bytes.swap16());
    expect(devices.at(0)?.name).toBe('東京 📱');
  });

  it('whatever a cell begins with is data, and every way to write a value is understood', async () => {
    const { devices } = await read(
      `sep=,\r\n# a comment, or two\r\n\r\n${writeTable([
        row({
          name: '=HYPERLINK("http://example.com")',
          enrolled: 'TRUE',
          token: Buffer.from(TOKEN, 'hex').toString('base64'),
          certificate_sha256: '',
          certificate: pem.trim().replaceAll('\n', '\\n'),
          certificate_not_after: '',
          last_seen: '2026-09-01T12:34:56.123456789+02:00',
          bootstrap_token: Buffer.from([1, 2, 3, 255]).toString('base64'),
        }),
        row({
          udid: 'A-1',
          token: TOKEN.toUpperCase(),
          certificate_sha256: SHA.toUpperCase().replace(/..(?=.)/g, '$&:'),
          certificate_not_after: '2027-01-02T03:04:05Z',
        }),
      ])}`,
    );
    const [first, second] = devices;
    expect(first?.name).toBe('=HYPERLINK("http://example.com")');
    expect([first?.push?.tokenHex, first?.lastSeen, first?.bootstrapToken?.reveal().toString('hex')]).toEqual([
      TOKEN,
      BigInt(Date.parse('2026-09-01T10:34:56Z')) * 1_000_000n + 123_456_789n,
      '010203ff',
    ]);
    expect(first?.certificate?.der?.equals(der)).toBe(true);
    expect([second?.push?.tokenHex, second?.certificate]).toEqual([
      TOKEN,
      expect.objectContaining({ sha256: SHA, inDepot: false, der: null, notAfter: Date.parse('2027-01-02T03:04:05Z') }),
    ]);
  });

  it('users and further certificates are rows of their own', async () => {
    const device = row({ certificate_associated_at: '2026-01-01T00:00:00Z' });
    const further = {
      udid: device['udid']!,
      certificate: der.toString('base64'),
      certificate_associated_at: '2026-02-01T00:00:00Z',
    };
    const user = {
      ...row({ user_id: 'D0B4A2F1-7E65-4C53-8B1E-3A2F9C4D5E60', user_short_name: 'ann', certificate_sha256: '' }),
    };
    const { devices, findings } = await read(
      writeTable([
        user,
        device,
        further,
        { ...user, user_id: 'OFF', enrolled: 'false' },
        { ...user, user_id: 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF' },
      ]),
    );
    expect(devices).toHaveLength(1);
    const [one] = devices;
    expect(one?.users.map(({ id, shortName }) => [id, shortName])).toEqual([[user.user_id, 'ann']]);
    expect(one?.certificate).toMatchObject({ inDepot: true, associatedAt: Date.parse('2026-02-01T00:00:00Z') });
    expect(one?.formerCertificates).toMatchObject([{ sha256: SHA, associatedAt: Date.parse('2026-01-01T00:00:00Z') }]);
    expect(findings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['user-channel-off', 'shared-ipad-user', 'scep-ca-absent', 'push-certificate-absent']),
    );
  });

  it('what the table calls not enrolled stays out for certain', async () => {
    const snapshot = await read(writeTable([row({ enrolled: 'no', certificate_sha256: '', certificate: pem })]));
    expect(judge(snapshot, JUDGED_AT).devices).toMatchObject([{ verdict: 'blocked' }]);
    expect(snapshot.devices.at(0)?.reasons.map(({ code }) => code)).toEqual(['not-enrolled']);
  });

  it('a certificate known by its hash whose end has passed is blocked', async () => {
    const snapshot = await read(
      writeTable([row({ certificate_not_after: '2026-08-01T00:00:00Z', last_seen: '2026-07-01T00:00:00Z' })]),
    );
    expect(
      judge(snapshot, JUDGED_AT)
        .devices.at(0)
        ?.reasons.map(({ code }) => code),
    ).toContain('certificate-expired');
  });

  it('a fixed table can be read again, and is kept as a capture', async () => {
    const path = join(folder, 'fixed.csv');
    const reference = parseSource(`csv:${path}`);
    writeFileSync(path, writeTable([row({ token: 'abc' })]));
    await expect(readSource(reference, { at: JUDGED_AT })).rejects.toThrow('csv/invalid');
    writeFileSync(path, writeTable([row()]));
    const snapshot = await readSource(reference, { at: JUDGED_AT });
    const copy = await copySource(reference, join(folder, 'copies'));
    const again = await readSource({ ...reference, location: copy.path }, { at: JUDGED_AT });
    expect(JSON.stringify(again.devices, big)).toBe(JSON.stringify(snapshot.devices, big));
  });
});

const big = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

describe('a table that is wrong', () => {
  it.each<[string, TableRow, string, RegExp]>([
    ['an odd token', { token: 'abc' }, 'token', /pairs/],
    ['a token that is none', { token: '<740f 4707>' }, 'token', /hexadecimal digits/],
    ['a serial number Excel rounded', { serial: '1.23457E+11' }, 'serial', /rounded number/],
    ['an IMEI Excel rounded, in Germany', { imei: '3,5E+14' }, 'imei', /rounded number/],
    ['a version Excel made a date of', { os_version: '14. Jul' }, 'os_version', /date/],
    ['a day', { build_version: '01/05/2026' }, 'build_version', /date/],
    ['an error of the sheet', { serial: '#NAME?' }, 'serial', /spreadsheet put its error/],
    ['the word NULL', { bootstrap_token: 'NULL' }, 'bootstrap_token', /leave the cell empty/],
    ['a cut cell', { unlock_token: 'A'.repeat(32_767) }, 'unlock_token', /its end is lost/],
    ['an unlock token in hex', { unlock_token: 'abc-' }, 'unlock_token', /not base64/],
    ['a time without a zone', { last_seen: '2026-09-01 11:00:00' }, 'last_seen', /no zone/],
    ['a day that is none', { last_seen: '2026-02-30T11:00:00Z' }, 'last_seen', /no such day/],
    ['a German time', { last_seen: '24.11.2026 18:30' }, 'last_seen', /RFC 3339/],
    ['a German truth', { enrolled: 'WAHR' }, 'enrolled', /true or false/],
    ['no enrolled', { enrolled: '' }, 'enrolled', /empty/],
    ['blanks around a magic', { push_magic: 'magic-of-the-device ' }, 'push_magic', /blanks/],
    ['half a push identity', { token: '' }, 'token', /all three/],
    ['a short hash', { certificate_sha256: 'abcd' }, 'certificate_sha256', /64/],
    ['a certificate that is none', { certificate: 'AAAA' }, 'certificate', /no certificate/],
    [
      'an end without a certificate',
      { certificate_sha256: '', certificate_not_after: '2027-01-01T00:00:00Z' },
      'certificate_not_after',
      /names no certificate/,
    ],
    ['an unknown platform', { platform: 'macos' }, 'platform', /darwin/],
    ['an enrollment id as UDID', { udid: 'A:B' }, 'udid', /user_id/],
    ['no UDID', { udid: '' }, 'udid', /empty/],
    ['a user’s name without a user', { user_short_name: 'ann' }, 'user_id', /empty/],
  ])('%s', async (_what, more, column, why) => {
    const columns = [...TABLE_COLUMNS, 'platform'];
    // A name over two lines before it: rows are counted as a spreadsheet does, lines as an editor.
    const good = row({ udid: 'GOOD', name: 'two\nlines', certificate_sha256: 'cd'.repeat(32) });
    const problems = await problemsOf(writeTable([good, row(more)], { columns }));
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^row 3 \\(line 4\\), column ${column}: .*`))]);
    expect(problems[0]).toMatch(why);
  });

  it('values that contradict each other', async () => {
    const certificate = der.toString('base64');
    const device = row();
    const contradictions = await problemsOf(
      writeTable(
        [
          row({ certificate }),
          row({ udid: 'B', certificate, certificate_sha256: '', certificate_not_after: '2020-01-01T00:00:00Z' }),
          { ...device, udid: 'C' },
          { ...device, udid: 'C', certificate_sha256: 'cd'.repeat(32), serial: 'OTHER' },
          { ...device, udid: 'D' },
          { ...device, udid: 'D' },
          { ...device, udid: 'E', user_id: 'U' },
          { ...device, udid: 'F', certificate_associated_at: '2026-01-01T00:00:00Z' },
          {
            ...device,
            udid: 'F',
            certificate_sha256: 'ef'.repeat(32),
            certificate_associated_at: '2026-01-01T00:00:00Z',
          },
          { ...device, udid: 'G', platform: 'ios' },
        ],
        { columns: [...TABLE_COLUMNS, 'platform'] },
      ),
    );
    expect(contradictions.map((problem) => problem.replace(/:.*/, ''))).toEqual([
      'row 2, column certificate_sha256',
      'row 3, column certificate_not_after',
      'row 5, column serial',
      'row 7',
      'row 8, column udid',
      // Nothing tells which of two certificates the device uses.
      'row 4, column certificate_associated_at',
      'row 5, column certificate_associated_at',
      'row 10, column certificate_associated_at',
      'row 11, column platform',
    ]);
  });

  it('headers', async () => {
    const problems = await problemsOf('udid,Serial Number,enroled,topic,topic,token\r\n');
    expect(problems).toEqual([
      'row 1, column B: «Serial Number» is no column of such a table; did you mean serial?',
      'row 1, column C: «enroled» is no column of such a table; did you mean enrolled?',
      'row 1, column E: the header names topic a second time',
      'row 1: the header lacks the column enrolled',
      'row 1: the header lacks the column push_magic',
      'row 1: the header has neither the column certificate nor certificate_sha256',
    ]);
    expect(nearestColumn('uuid')).toBe('udid');
    const extra = await problemsOf(`${writeTable([row()]).trim()},surplus\r\n`);
    expect(extra[0]).toMatch(/^row 2: cell 26 has a value/);
  });

  it('is answered whole, and bounded', async () => {
    const failure = await failureOf(
      writeTable(Array.from({ length: 60 }, (_, at) => row({ udid: `U${at}`, token: 'x' }))),
    );
    expect(failure.detail).toMatchObject({ count: 60, more: 10 });
    expect(String(failure.detail?.['problems']).split('\n')).toHaveLength(50);
  });

  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'csv/no-header'],
    ['blank lines', '\r\n\r\n', 'csv/no-header'],
    ['no header', 'a,b\r\nc,d\r\n', 'csv/no-header'],
    ['a workbook', Buffer.from('504b0304140006000800', 'hex'), 'csv/not-a-table'],
    ['Latin-1', Buffer.from(writeTable([row({ name: 'Zoë' })]), 'latin1'), 'csv/encoding'],
    ['UTF-16 without a mark', Buffer.from(writeTable([row()]), 'utf16le'), 'csv/encoding'],
    ['an open quote', writeTable([row()]).replace('C02XL0GYJGH5', '"C02'), 'csv/invalid'],
    ['a stray quote', writeTable([row()]).replace('C02XL0GYJGH5', 'C02"'), 'csv/invalid'],
    ['text after a quote', writeTable([row()]).replace('C02XL0GYJGH5', '"C02"x'), 'csv/invalid'],
    ['lone carriage returns', writeTable([row()], { newline: '\r' }), 'csv/invalid'],
    ['JSON that is cut', '[{"udid": "A"', 'csv/not-json'],
    ['JSON that is no array', '{"udid": "A"}', 'csv/not-json'],
    ['a template as it is written', tableTemplate('csv'), 'csv/invalid'],
    ['a template in JSON as it is written', tableTemplate('json'), 'csv/invalid'],
  ])('%s', async (_what, content, code) => {
    const failure = await failureOf(content);
    expect([failure.code, failure.kind]).toEqual([code, 'unreadable']);
    expect(failure.message.length + failure.remedy.length).toBeGreaterThan(30);
    expect(JSON.stringify(failure)).not.toContain('magic-of-the-device');
  });

  it('is told apart from a file that is cut off', async () => {
    const whole = writeTable([row()]);
    const problems = await problemsOf(whole.slice(0, whole.indexOf(TOKEN) + 10));
    expect(problems).toEqual([expect.stringContaining('the file was cut off')]);
  });

  it('in JSON: fields by item', async () => {
    const problems = await problemsOf(
      JSON.stringify([
        { ...row(), imei: 356938035643809, nmae: 'x', users: [{ user_id: 'U', serial: 'S' }, { topic: 'T' }] },
        7,
        { ...row({ udid: 'B' }), name: 'nul\u0000', certificates: 'no' },
      ]),
    );
    expect(problems.map((problem) => problem.replace(/:.*/, ''))).toEqual([
      'item 1, column imei',
      'item 1, column nmae',
      'item 1, users[0], column serial',
      'item 1, users[1], column user_id',
      'item 2',
      'item 3, column name',
      'item 3, column certificates',
    ]);
  });
});

describe('the template', () => {
  it('is a right table once its example has been replaced', async () => {
    const [head = ''] = tableTemplate('csv').split('EXAMPLE-');
    const { devices } = await read(
      `${head}${writeTable([row()], { columns: COLUMNS.map(({ name }) => name) })
        .split('\r\n')
        .slice(1)
        .join('\r\n')}`,
    );
    expect(devices).toHaveLength(1);
    const example = JSON.parse(tableTemplate('json').replaceAll('EXAMPLE-', '')) as object[];
    const read2 = await read(JSON.stringify(example), Date.parse('2026-11-24T03:00:00Z'));
    expect(read2.devices.at(0)?.users).toHaveLength(1);
  });

  it('the documentation names every column, with its form and place, and no other', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../../docs/source-table.md'), 'utf8');
    const documented = [...text.matchAll(/^\| `(\w+)`( \*)? \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
      ([, name, star, form, meaning, target]) => ({ name, required: star !== undefined, form, meaning, target }),
    );
    expect(documented).toEqual(
      COLUMNS.map(({ name, required, form, meaning, target }) => ({ name, required, form, meaning, target })),
    );
    expect(Object.keys(COLUMN)).toHaveLength(26);
  });
});

/** Cells with everything in them that can go wrong on the way. */
const awkward = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '"',
        '""',
        ',',
        ';',
        '\t',
        '\n',
        '\r\n',
        '\r',
        '=',
        "'",
        '#',
        '|',
        '\\',
        ' ',
        '\ufeff',
        'é',
        '📱',
      ),
      fc.string(),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join('').replaceAll('\u0000', ''));
const style = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  newline: fc.constantFrom('\n', '\r\n'),
  mark: fc.boolean(),
  quoteAll: fc.boolean(),
});

describe('any table', () => {
  it('comes back as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ seed: fc.nat(400), name: awkward, user: awkward }), { minLength: 1, maxLength: 4 }),
        style,
        async (list, how) => {
          const devices = [...new Map(list.map((one) => [one.seed, one])).values()].map(({ seed, name, user }) => {
            const device = buildDevice(seed);
            return {
              ...device,
              name: name === '' ? null : name,
              certificate: device.certificate && { ...device.certificate, der: null },
              users: device.users.map((known) => ({ ...known, longName: user === '' ? null : user })),
            };
          });
          const { devices: found } = await read(writeTable(devices.flatMap(rowsOfDevice), how));
          const facts = (all: Snapshot['devices']): unknown[] =>
            all.map((one) => [
              one.udid,
              one.serial,
              one.name,
              one.lastSeen,
              one.push?.tokenHex,
              one.push?.magic.sha256(),
              one.unlockToken?.sha256(),
              one.certificate?.sha256,
              one.users.map(({ id, longName }) => [id, longName]),
            ]);
          expect(facts(found)).toEqual(facts(devices));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that was changed anywhere is the same, another right table, or refused by name', async () => {
    const whole = Buffer.from(writeTable([row({ name: 'Zoë "x"' }), ...rowsOfDevice(buildDevice(1))]));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 4 }), fc.nat(3), async (at, put, drop) => {
        const changed = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + drop)]);
        try {
          for (const device of (await read(changed)).devices) expect(device.udid).not.toBeNull();
        } catch (error) {
          expect(error).toBeInstanceOf(FailureError);
          expect((error as FailureError).failure).toMatchObject({
            kind: 'unreadable',
            code: expect.stringMatching(/^csv\//) as string,
          });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of JSON as well', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          fc
            .array(
              fc.dictionary(
                fc.constantFrom(...COLUMNS.map(({ name }) => name as string), 'users', 'certificates'),
                fc.jsonValue(),
              ),
            )
            .map((value) => JSON.stringify(value)),
        ),
        async (text) => {
          try {
            await read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(FailureError);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
