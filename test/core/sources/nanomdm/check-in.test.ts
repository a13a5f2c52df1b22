/** A device's own messages: any content comes back as it was said, and nothing throws. */
import fc from 'fast-check';
import { build, type PlistValue } from 'plist';
import { describe, expect, it } from 'vitest';
import { readAuthenticate, readTokenUpdate } from '../../../../src/core/sources/nanomdm/check-in';

/** Text XML can carry and a writer does not change. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !/[\p{Cc}\ufffe\uffff]/u.test(value));
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const bytes = fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value));

const written = (message: Record<string, unknown>): Buffer =>
  Buffer.from(
    build(Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)) as PlistValue),
  );

const authenticate = fc.record({
  MessageType: fc.constant('Authenticate'),
  UDID: maybe(text),
  EnrollmentID: maybe(text),
  SerialNumber: maybe(text),
  DeviceName: maybe(text),
  Model: maybe(text),
  ModelName: maybe(text),
  ProductName: maybe(text),
  OSVersion: maybe(text),
  BuildVersion: maybe(text),
  IMEI: maybe(text),
  MEID: maybe(text),
});
const tokenUpdate = fc.record({
  MessageType: fc.constant('TokenUpdate'),
  UDID: maybe(text),
  EnrollmentID: maybe(text),
  UserID: maybe(text),
  EnrollmentUserID: maybe(text),
  UserShortName: maybe(text),
  UserLongName: maybe(text),
  Topic: maybe(text),
  PushMagic: maybe(text),
  Token: maybe(bytes),
  UnlockToken: maybe(bytes),
  AwaitingConfiguration: maybe(fc.boolean()),
});

const both = (message: Buffer): void => {
  readAuthenticate(message);
  readTokenUpdate(message);
};

describe('check-in messages', () => {
  it('give back every word of an Authenticate', () => {
    fc.assert(
      fc.property(authenticate, (said) => {
        const message = written(said);
        expect(readAuthenticate(message)).toEqual({
          udid: said.UDID || null,
          enrollmentId: said.EnrollmentID || null,
          serial: said.SerialNumber || null,
          name: said.DeviceName || null,
          model: said.Model || null,
          modelName: said.ModelName || null,
          productName: said.ProductName || null,
          osVersion: said.OSVersion || null,
          buildVersion: said.BuildVersion || null,
          imei: said.IMEI || null,
          meid: said.MEID || null,
        });
        expect(readTokenUpdate(message)).toBeNull();
      }),
    );
  });

  it('give back every byte of a TokenUpdate', () => {
    fc.assert(
      fc.property(tokenUpdate, (said) => {
        const message = written(said);
        expect(readTokenUpdate(message)).toEqual({
          udid: said.UDID || null,
          enrollmentId: said.EnrollmentID || null,
          userId: said.UserID || null,
          enrollmentUserId: said.EnrollmentUserID || null,
          shortName: said.UserShortName || null,
          longName: said.UserLongName || null,
          topic: said.Topic ?? '',
          pushMagic: said.PushMagic ?? '',
          tokenHex: said.Token?.toString('hex') ?? '',
          unlockToken: said.UnlockToken?.length ? said.UnlockToken : null,
          awaitingConfiguration: said.AwaitingConfiguration === true,
        });
        expect(readAuthenticate(message)).toBeNull();
      }),
    );
  });

  it('never throw on other bytes, a cut message, or one with bytes changed', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => both(Buffer.from(any))));
    fc.assert(
      fc.property(
        fc.oneof(authenticate, tokenUpdate),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        (said, where, put) => {
          const message = written(said);
          const at = Math.floor(where * (message.length - 1));
          both(message.subarray(0, at));
          // Invalid UTF-8 among them.
          both(Buffer.concat([message.subarray(0, at), Buffer.from(put), message.subarray(at + put.length)]));
        },
      ),
    );
  });

  it('take values of other types for absent', () => {
    const other = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.array(text, { maxLength: 2 }),
      bytes,
      fc.constant({ a: 'b' }),
    );
    fc.assert(
      fc.property(other, (value) => {
        const facts = readAuthenticate(written({ MessageType: 'Authenticate', UDID: value, SerialNumber: value }));
        expect(facts).toMatchObject({ udid: null, serial: null });
        expect(readAuthenticate(written({ MessageType: value, UDID: 'a' }))).toBeNull();
      }),
    );
  });
});
