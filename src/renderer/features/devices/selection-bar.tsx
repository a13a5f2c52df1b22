/** How many devices are selected, and what can be done with them. */
import { Copy, Download, Table, X } from 'lucide-react';
import { useState } from 'react';
import type { DeviceRow } from '../../../contract/devices';
import type { Reply, ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { Button, IconButton } from '../../components/button';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { announce } from '../../stores/announcer';
import type { DeviceList, DevicePages } from './device-pages';
import { oneLine, tableText } from './device-text';
import { selectedCount, type Selection } from './selection';

interface SelectionBarProps {
  readonly pages: DevicePages;
  readonly list: DeviceList;
  readonly selection: Selection;
  readonly onClear: () => void;
}

export function SelectionBar({ pages, list, selection, onClear }: SelectionBarProps): React.JSX.Element | null {
  const [failure, setFailure] = useState<ReplyFailure | null>(null);
  const count = selectedCount(selection);
  if (count === 0) return null;
  const copy = async (text: Promise<Reply<string>>, what: string): Promise<void> => {
    const made = await text;
    const reply = made.ok ? await call('clipboard.write', { text: made.value }) : made;
    setFailure(reply.ok ? null : reply.failure);
    if (reply.ok) toast(what);
  };
  const save = async (): Promise<void> => {
    const ids = await selectedIds(pages, list, selection);
    const reply = ids.ok ? await call('devices.export', { ...list.filter, ids: ids.value }) : ids;
    setFailure(reply.ok ? null : reply.failure);
    if (reply.ok && reply.value !== null) {
      toast(`Wrote ${counted(reply.value.devices, 'device')} to ${reply.value.path}`);
    }
  };
  return (
    <div className="selection-bar" role="region" aria-label="Selection">
      <span>{counted(count, 'device')} selected</span>
      {failure !== null && (
        <span className="selection-failed" role="alert">
          {failure.message}
        </span>
      )}
      <Button
        variant="quiet"
        icon={Copy}
        onClick={() => void copy(udidText(pages, list, selection), `Copied the UDIDs of ${counted(count, 'device')}`)}
      >
        Copy UDIDs
      </Button>
      <Button
        variant="quiet"
        icon={Table}
        onClick={() => void copy(rowsText(pages, selection), `Copied ${counted(count, 'device')} as a table`)}
      >
        Copy as table
      </Button>
      <Button variant="quiet" icon={Download} onClick={() => void save()}>
        CSV…
      </Button>
      <IconButton icon={X} label="Select none" onClick={onClear} />
    </div>
  );
}

/** Copies the UDIDs of a selection, wherever it was asked for. */
export async function copyUdids(pages: DevicePages, list: DeviceList, selection: Selection): Promise<void> {
  const made = await udidText(pages, list, selection);
  const reply = made.ok ? await call('clipboard.write', { text: made.value }) : made;
  const what = `Copied the UDIDs of ${counted(selectedCount(selection), 'device')}`;
  if (reply.ok) toast(what);
  else announce(reply.failure.message);
}

async function udidText(pages: DevicePages, list: DeviceList, selection: Selection): Promise<Reply<string>> {
  if (selectedCount(selection) === list.matching) {
    const reply = await call('devices.udids', list.filter);
    return reply.ok ? { ok: true, value: reply.value.map(oneLine).join('\n') } : reply;
  }
  const reply = await selectedRows(pages, selection);
  if (!reply.ok) return reply;
  return { ok: true, value: reply.value.flatMap(({ udid }) => (udid === null ? [] : [oneLine(udid)])).join('\n') };
}

/** Record ids of a selection; null when it is all that match. */
async function selectedIds(
  pages: DevicePages,
  list: DeviceList,
  selection: Selection,
): Promise<Reply<string[] | null>> {
  if (selectedCount(selection) === list.matching) return { ok: true, value: null };
  const reply = await selectedRows(pages, selection);
  return reply.ok ? { ok: true, value: reply.value.map(({ id }) => id) } : reply;
}

async function rowsText(pages: DevicePages, selection: Selection): Promise<Reply<string>> {
  const reply = await selectedRows(pages, selection);
  return reply.ok ? { ok: true, value: tableText(reply.value) } : reply;
}

async function selectedRows(pages: DevicePages, selection: Selection): Promise<Reply<DeviceRow[]>> {
  const rows: DeviceRow[] = [];
  for (const [from, to] of selection) {
    const reply = await pages.rows(from, to);
    if (!reply.ok) return reply;
    rows.push(...reply.value);
  }
  return { ok: true, value: rows };
}
