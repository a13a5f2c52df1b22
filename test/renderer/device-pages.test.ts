import { describe, expect, it } from 'vitest';
import type { DevicePage, DeviceQuery } from '../../src/contract/devices';
import type { Reply } from '../../src/contract/reply';
import { EVERY_DEVICE } from '../../src/renderer/features/devices/device-filter';
import { DevicePages, PAGE_SIZE } from '../../src/renderer/features/devices/device-pages';
import { DeviceCrowd } from './device-crowd';

const crowd = new DeviceCrowd(20_000, true);

/** A host that answers when it is told to. */
function host() {
  const asked: { query: DeviceQuery; answer: (reply?: Reply<DevicePage>) => Promise<void> }[] = [];
  const pages = new DevicePages(
    (query) =>
      new Promise((resolve) => {
        asked.push({
          query,
          answer: async (reply = { ok: true, value: crowd.query(query) }) => {
            resolve(reply);
            await settle();
          },
        });
      }),
  );
  /** The question for these words and this place that is open for longest. */
  const open = (search: string, offset = 0) => {
    const at = asked.findIndex(({ query }) => query.search === search && query.offset === offset);
    expect(at, `asked for “${search}” from ${offset}`).toBeGreaterThanOrEqual(0);
    return asked.splice(at, 1)[0]!;
  };
  const lists = () => asked.filter(({ query }) => query.offset === 0).map(({ query }) => query.search);
  return { asked, open, lists, pages };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

const looking = (search: string) => ({ ...EVERY_DEVICE, search });

describe('the device list', () => {
  it('keeps what is shown until the next list is there', async () => {
    const { open, pages } = host();
    pages.show(looking(''));
    expect(pages.current()).toBeNull();
    await open('').answer();
    const first = pages.row(0);
    expect(first).toBeDefined();
    pages.show(looking('library'));
    expect(pages.row(0)).toBe(first);
    expect(pages.current()).toMatchObject({ asking: true, matching: 20_000 });
    await open('library').answer();
    expect(pages.current()).toMatchObject({ asking: false, filter: { search: 'library' } });
    expect(pages.row(0)).not.toBe(first);
  });

  it('takes changed rows in their places, and keeps the list until it is asked for anew', async () => {
    const { open, pages } = host();
    pages.show(looking(''));
    await open('').answer();
    pages.see(0, 30);
    const { generation } = pages.current()!;
    const before = pages.row(0)!;
    pages.refresh();
    const question = open('');
    // The places of the list that is shown, whatever has moved since.
    expect(question.query).toMatchObject({ hold: true, offset: 0 });
    const answer = crowd.query(question.query);
    const changed = { ...before, name: 'renamed' };
    await question.answer({
      ok: true,
      value: { ...answer, rows: [changed, ...answer.rows.slice(1)], outdated: true },
    });
    expect(pages.row(0)).toMatchObject({ id: before.id, name: 'renamed' });
    expect(pages.current()).toMatchObject({ generation, outdated: true, asking: false });
    pages.show(looking(''));
    const fresh = open('');
    expect(fresh.query.hold).toBe(false);
    await fresh.answer();
    expect(pages.current()).toMatchObject({ outdated: false });
  });

  it('asks for the newest only, one at a time, and never shows an older answer', async () => {
    const { open, lists, pages } = host();
    for (const search of ['l', 'li', 'lib', 'libr']) pages.show(looking(search));
    expect(lists()).toEqual(['l']);
    await open('l').answer();
    expect(lists()).toEqual(['libr']);
    expect(pages.current()?.asking).toBe(true);
    await open('libr').answer();
    expect(pages.current()).toMatchObject({ asking: false, filter: { search: 'libr' } });
  });

  it('fetches what is seen first, at most two pages at once, and drops pages of an older list', async () => {
    const { asked, open, pages } = host();
    pages.show(looking(''));
    await open('').answer();
    await open('', 200).answer();
    pages.see(10_000, 10_030);
    expect(pages.has(10_000, 10_030)).toBe(false);
    expect(asked.map(({ query }) => query.offset)).toEqual([10_000, 9_800]);
    pages.show(looking('mac'));
    await open('', 10_000).answer();
    expect(pages.row(10_000)).toEqual(crowd.matching(EVERY_DEVICE)[10_000]);
    const old = open('', 9_800);
    await open('mac').answer();
    await old.answer();
    expect(pages.row(9_800)).toBeUndefined();
  });

  it('stays small however far one scrolls', async () => {
    const { asked, open, pages } = host();
    pages.show(looking(''));
    await open('').answer();
    for (let place = 0; place < 20_000; place += PAGE_SIZE) {
      pages.see(place, place + 30);
      while (asked.length > 0) await asked.shift()!.answer();
      expect(pages.has(place, place + 30)).toBe(true);
    }
    let held = 0;
    for (let place = 0; place < 20_000; place += PAGE_SIZE) if (pages.row(place) !== undefined) held += 1;
    expect(held).toBeLessThanOrEqual(40);
  });

  it('shows a refusal, keeps the rows, and recovers', async () => {
    const { open, pages } = host();
    pages.show(looking(''));
    await open('').answer();
    pages.show(looking('x'));
    await open('x').answer({ ok: false, failure: { code: 'c', message: 'm', remedy: 'r' } });
    expect(pages.current()).toMatchObject({ asking: false, failure: { code: 'c' }, matching: 20_000 });
    expect(pages.row(0)).toBeDefined();
    pages.show(looking('lab'));
    await open('lab').answer();
    expect(pages.current()?.failure).toBeNull();
  });

  it('begins anew when the data changed under it', async () => {
    const { open, lists, pages } = host();
    pages.show(looking(''));
    await open('').answer();
    const page = open('', 200);
    await page.answer({ ok: true, value: { ...crowd.query(page.query), matching: 19_999 } });
    expect(lists()).toEqual(['']);
  });

  it('gives the rows of any range for copying', async () => {
    const pages = new DevicePages((query) => Promise.resolve({ ok: true, value: crowd.query(query) }));
    pages.show(looking(''));
    await settle();
    const reply = await pages.rows(990, 2_010);
    expect(reply).toEqual({ ok: true, value: crowd.matching(EVERY_DEVICE).slice(990, 2_010) });
  });
});
