/** The device list of this window, asked anew when the filter or the data behind it changes. */
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { DeviceFilter } from '../../../contract/devices';
import { call } from '../../bridge';
import { useAppState } from '../../stores/app-state';
import { DevicePages, type DeviceList } from './device-pages';

/** Changes whenever a row of the list may have become another. */
export function useDataVersion(): string {
  return useAppState(({ source, plan, applied, undone }) =>
    [source?.fingerprint, source?.readAt, plan?.id, plan?.madeAt, applied?.finishedAt, undone?.finishedAt].join(' '),
  );
}

export function useDevicePages(filter: DeviceFilter): {
  readonly pages: DevicePages;
  readonly list: DeviceList | null;
} {
  const [pages] = useState(() => new DevicePages((query) => call('devices.query', query)));
  const list = useSyncExternalStore(pages.subscribe, pages.current);
  const version = useDataVersion();
  const look = useAppState(({ watch }) => watch?.look?.version ?? 0);
  useEffect(() => {
    pages.show(filter);
  }, [pages, filter, version]);
  useEffect(() => {
    if (look > 0) pages.refresh();
  }, [pages, look]);
  return { pages, list };
}
