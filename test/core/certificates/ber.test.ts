import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toDer } from '../../../src/core/certificates/ber';
import { DerCursor, printOid } from '../../../src/core/certificates/der';
import { writeDer, writeInteger, writeOid } from '../../../src/core/certificates/der-writer';
import { readPem, writePem } from '../../../src/core/certificates/pem';

describe('toDer', () => {
  it('leaves DER as it is, without what follows it', () => {
    const der = writeDer(0x30, writeInteger(5), writeDer(0x04, Buffer.from('x')));
    expect(toDer(Buffer.concat([der, Buffer.from('tail')]))).toEqual(der);
  });

  it('makes indefinite lengths definite and octet strings whole', () => {
    const pieces = Buffer.from('2480' + '040161' + '24040402' + '6263' + '0000', 'hex');
    const ber = Buffer.concat([
      Buffer.from('3080', 'hex'),
      writeInteger(1),
      Buffer.from('a080', 'hex'),
      pieces,
      Buffer.from('00000000', 'hex'),
    ]);
    expect(toDer(ber)).toEqual(writeDer(0x30, writeInteger(1), writeDer(0xa0, writeDer(0x04, Buffer.from('abc')))));
  });

  it('answers null to what is no BER, and never reads past the end', () => {
    for (const hex of ['', '30', '3005', '3080', '0480', '1f00', '308000', '30850000000000'])
      expect([hex, toDer(Buffer.from(hex, 'hex'))]).toEqual([hex, null]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const der = toDer(Buffer.from(bytes));
        return der === null || new DerCursor(der, 0, der.length).next();
      }),
    );
  });
});

describe('the writer', () => {
  it('writes OIDs, integers and lengths that are read back', () => {
    for (const oid of [
      '2.5.4.3',
      '1.2.840.113549.1.12.10.1.2',
      '2.16.840.1.101.3.4.1.42',
      '0.9.2342.19200300.100.1.1',
    ]) {
      const der = writeOid(oid);
      expect(printOid(der, 2, der.length)).toBe(oid);
    }
    expect([0, 127, 128, 65_536].map((value) => writeInteger(value).toString('hex'))).toEqual([
      '020100',
      '02017f',
      '02020080',
      '0203010000',
    ]);
    for (const length of [0, 127, 128, 255, 256, 70_000]) {
      const der = writeDer(0x04, Buffer.alloc(length));
      const cursor = new DerCursor(der, 0, der.length);
      expect([cursor.next(), cursor.end - cursor.contentStart, cursor.end]).toEqual([true, length, der.length]);
    }
  });
});

describe('PEM blocks whose end is another’s', () => {
  it('do not swallow the blocks after them', () => {
    const good = writePem('CERTIFICATE', Buffer.from('good'));
    expect(readPem(`-----BEGIN A-----\n${good}-----END A-----\n${good}`).map(({ label }) => label)).toEqual([
      'CERTIFICATE',
      'CERTIFICATE',
    ]);
    expect(readPem(`CHECK (x = '-----BEGIN CERTIFICATE-----')\n${good}`)).toHaveLength(1);
  });
});
