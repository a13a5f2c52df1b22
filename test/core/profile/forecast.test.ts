/** The forecast of renewals: Fleet's rules, hour by hour. */
import { describe, expect, it } from 'vitest';
import { Hosts } from '../../../src/core/fleet/hosts';
import { forecastRenewals, type Forecast } from '../../../src/core/profile';
import type { JudgedDevice, Verdict } from '../../../src/core/migration/verdict';
import { buildDevice } from '../../snapshot-builder';

const DAY = 86_400_000;
const AT = Date.UTC(2026, 10, 24, 18);

/** A device whose certificate ends in so many days; null: not known when. */
function ending(number: number, days: number | null, verdict: Verdict = 'ready'): JudgedDevice {
  const device = buildDevice(number);
  const certificate = { ...device.certificate!, notAfter: days === null ? null : AT + days * DAY };
  return { device: { ...device, certificate }, verdict, reasons: [], users: [], formerCertificates: [] };
}

function forecast(
  devices: readonly JudgedDevice[],
  more: Partial<Parameters<typeof forecastRenewals>[0]> = {},
): Forecast {
  return forecastRenewals({ devices, instant: AT, at: AT, hosts: null, states: null, ...more });
}

const obstacles = ({ obstacles: found }: Forecast): Record<string, number> =>
  Object.fromEntries(found.map(({ code, count }) => [code, count]));
const many = (count: number, days: (index: number) => number): JudgedDevice[] =>
  Array.from({ length: count }, (_, index) => ending(index, days(index)));

describe('the forecast', () => {
  it('puts each device into the week it comes due, 180 days before its end', () => {
    const told = forecast([ending(1, 180), ending(2, 187), ending(3, 186.9), ending(4, 20), ending(5, 180 + 50)]);
    expect(told.weeks.map(({ start, ...counts }) => ({ week: (start - AT) / (7 * DAY), ...counts }))).toEqual([
      { week: 0, due: 3, renewed: 3, waiting: 0 },
      { week: 1, due: 1, renewed: 1, waiting: 0 },
      { week: 7, due: 1, renewed: 1, waiting: 0 },
    ]);
    expect(told).toMatchObject({ devices: 5, renewing: 5, dueAtOnce: 2, hoursForThese: 1 });
  });

  it('lets a hundred an hour through, those first that end first', () => {
    const told = forecast(many(20_000, () => 100));
    expect(told.weeks).toEqual([
      { start: AT, due: 20_000, renewed: 16_800, waiting: 3_200 },
      { start: AT + 7 * DAY, due: 0, renewed: 3_200, waiting: 0 },
    ]);
    expect(told).toMatchObject({ dueAtOnce: 20_000, hoursForThese: 200, renewing: 20_000 });
  });

  it('finds those whose certificate ends before their turn', () => {
    // 250 end in 90 minutes: two hours' worth get through, at once and after an hour.
    const told = forecast(many(250, () => 1.5 / 24));
    expect(obstacles(told)['too-late']).toBe(50);
    expect(told).toMatchObject({ renewing: 200, weeks: [{ due: 250, renewed: 200, waiting: 0 }] });
    expect(obstacles(forecast([ending(1, -1)]))['too-late']).toBe(1);
  });

  it('counts every device once, whatever their ends', () => {
    const devices = many(3_000, (index) => (index * 7919) % 500);
    const told = forecast(devices);
    const renewed = told.weeks.reduce((sum, week) => sum + week.renewed, 0);
    expect(renewed + (obstacles(told)['too-late'] ?? 0)).toBe(3_000);
    expect(told.weeks.at(-1)?.waiting).toBe(0);
    for (const { renewed: done } of told.weeks) expect(done).toBeLessThanOrEqual(16_800);
  });

  it('says of the source alone who is never renewed, and what it cannot know', () => {
    // Numbers 3 and 4 are phones.
    const told = forecast([ending(0, 90), ending(1, null), ending(2, 90, 'blocked'), ending(3, 90), ending(4, null)]);
    expect(obstacles(told)).toEqual({ 'not-moved': 1, 'agent-unknown': 2, 'end-unknown': 2 });
    expect(told).toMatchObject({ renewing: 4, dueAtOnce: 4 });
    for (const { sentence, remedy, udids, count } of told.obstacles) {
      expect(Math.min(sentence.length, remedy.length)).toBeGreaterThan(20);
      expect(udids).toHaveLength(count);
    }
  });

  it('says with Fleet’s own rows who is never renewed', () => {
    const devices = [0, 1, 2, 3, 5, 6, 7].map((number) => ending(number, 90));
    const udid = (index: number): string => devices[index]!.device.udid!;
    const hosts = new Hosts();
    for (const [id, index] of [1, 2, 4, 5, 6].entries()) {
      const host = { uuid: udid(index).toLowerCase(), serial: '', teamId: null, platform: 'darwin', hasAgent: true };
      hosts.add({ id, ...host });
    }
    const states = new Map(
      [
        [udid(1), { enabled: true, notAfter: null, pending: false }],
        [udid(2), { enabled: true, notAfter: AT + 90 * DAY, pending: true }],
        [udid(4), { enabled: false, notAfter: AT + 90 * DAY, pending: false }],
        [udid(5), { enabled: true, notAfter: AT + 201 * DAY, pending: false }],
      ].map(([id, state]) => [(id as string).toUpperCase(), state as never]),
    );
    const told = forecast(devices, { hosts, states });
    // 0 has no host; 3 is a phone and needs none; Fleet's end of 5 counts; 6 is not imported yet.
    expect(obstacles(told)).toEqual({ 'no-host': 1, 'no-expiry': 1, 'not-enabled': 1, 'renewal-pending': 1 });
    expect(told.weeks.map(({ start, due }) => [(start - AT) / (7 * DAY), due])).toEqual([
      [0, 2],
      [3, 1],
    ]);
  });
});
