/** The columns of the device table. */
import {
  createColumnHelper,
  metaHelper,
  tableFeatures,
  columnVisibilityFeature,
  type ColumnDef,
} from '@tanstack/react-table';
import type { DeviceFilter, DeviceRow } from '../../../contract/devices';
import { ShortId } from '../../components/short-id';
import { ActionBadge, VerdictBadge } from '../../components/verdict-badge';
import { WatchBadge } from '../../components/watch-badge';
import { day, minute, utc } from '../../format/time';
import { inWords, platformName } from '../../format/words';
import type { ColumnRoom } from './column-layout';
import { attentionWords, PROOF_WORDS } from './watch-words';

/** In the table's order, with the room each takes. */
const PLANNED_ROOM: readonly ColumnRoom[] = [
  { id: 'verdict', least: 88, grow: 0, most: 92, rank: 0 },
  { id: 'action', least: 92, grow: 0, most: 92, rank: 3 },
  { id: 'name', least: 152, grow: 3, most: 360, rank: 0 },
  { id: 'serial', least: 124, grow: 0.5, most: 160, rank: 1 },
  { id: 'udid', least: 136, grow: 1.5, most: 292, rank: 5 },
  { id: 'platform', least: 76, grow: 0, most: 80, rank: 4 },
  { id: 'model', least: 128, grow: 1, most: 200, rank: 9 },
  { id: 'reasons', least: 160, grow: 3, most: Infinity, rank: 2 },
  { id: 'users', least: 56, grow: 0, most: 56, rank: 10 },
  { id: 'lastSeen', least: 144, grow: 0, most: 144, rank: 6 },
  { id: 'certificateNotAfter', least: 124, grow: 0, most: 124, rank: 7 },
];

/** The same once devices are watched: where each stands comes first, what was decided about it moves to the end. */
const WATCHED_ROOM: readonly ColumnRoom[] = [
  { id: 'state', least: 124, grow: 0, most: 124, rank: 0 },
  { id: 'name', least: 144, grow: 3, most: 360, rank: 0 },
  { id: 'serial', least: 116, grow: 0.5, most: 160, rank: 2 },
  { id: 'udid', least: 128, grow: 1.5, most: 292, rank: 9 },
  { id: 'platform', least: 76, grow: 0, most: 80, rank: 7 },
  { id: 'wave', least: 72, grow: 0.5, most: 140, rank: 8 },
  { id: 'proof', least: 108, grow: 0, most: 112, rank: 3 },
  { id: 'contactFleet', least: 144, grow: 0, most: 144, rank: 1 },
  { id: 'lastSeenOld', least: 144, grow: 0, most: 144, rank: 5 },
  { id: 'agent', least: 60, grow: 0, most: 60, rank: 6 },
  { id: 'attention', least: 156, grow: 3, most: Infinity, rank: 1 },
  { id: 'certificateNotAfter', least: 124, grow: 0, most: 124, rank: 4 },
  { id: 'verdict', least: 88, grow: 0, most: 92, rank: 10 },
  { id: 'action', least: 92, grow: 0, most: 92, rank: 11 },
];

export function deviceRoom(watched: boolean): readonly ColumnRoom[] {
  return watched ? WATCHED_ROOM : PLANNED_ROOM;
}

interface DeviceColumn {
  readonly sort?: DeviceFilter['sort'];
}

/** From this width on a UDID is shown whole. */
export const WHOLE_UDID = 284;

export const deviceFeatures = tableFeatures({ columnVisibilityFeature, columnMeta: metaHelper<DeviceColumn>() });

const column = createColumnHelper<typeof deviceFeatures, DeviceRow>();

const COLUMNS = column.columns([
  column.accessor((row) => row.watch?.state, {
    id: 'state',
    header: 'State',
    meta: { sort: 'state' },
    cell: ({ row }) =>
      row.original.watch === null ? (
        <Nothing word="not watched" />
      ) : (
        <WatchBadge state={row.original.watch.state} bare />
      ),
  }),
  column.accessor('verdict', {
    header: 'Verdict',
    meta: { sort: 'verdict' },
    cell: ({ row }) => <VerdictBadge verdict={row.original.verdict} bare />,
  }),
  column.accessor('action', {
    header: 'Plan',
    meta: { sort: 'action' },
    cell: ({ row }) =>
      row.original.action === null ? <Nothing word="no plan yet" /> : <ActionBadge action={row.original.action} bare />,
  }),
  column.accessor('name', {
    header: 'Name',
    meta: { sort: 'name' },
    cell: ({ row }) => <Text value={row.original.name} none="without a name" strong />,
  }),
  column.accessor('serial', {
    header: 'Serial number',
    meta: { sort: 'serial' },
    cell: ({ row }) => <Text value={row.original.serial} none="none" mono />,
  }),
  column.accessor('udid', {
    header: 'UDID',
    meta: { sort: 'udid' },
    cell: ({ row }) => <Udid udid={row.original.udid} />,
  }),
  column.accessor('platform', {
    header: 'Platform',
    meta: { sort: 'platform' },
    cell: ({ row }) => platformName(row.original.platform),
  }),
  column.accessor('model', {
    header: 'Model',
    cell: ({ row }) => <Text value={row.original.model} none="unknown" />,
  }),
  column.accessor('reasons', {
    header: 'Reasons',
    cell: ({ row }) => <Reasons codes={row.original.reasons} />,
  }),
  column.accessor('users', {
    header: 'Users',
    cell: ({ row }) => <span className="grid-number">{row.original.users === 0 ? '' : row.original.users}</span>,
  }),
  column.accessor('lastSeen', {
    header: 'Last seen',
    meta: { sort: 'lastSeen' },
    cell: ({ row }) => <Instant at={row.original.lastSeen} none="never" />,
  }),
  column.accessor('certificateNotAfter', {
    header: 'Certificate ends',
    meta: { sort: 'certificateNotAfter' },
    cell: ({ row }) => (
      <Instant at={row.original.watch?.certificateNotAfter ?? row.original.certificateNotAfter} none="unknown" days />
    ),
  }),
  column.accessor((row) => row.lastSeen, {
    id: 'lastSeenOld',
    header: 'Last seen, old',
    meta: { sort: 'lastSeen' },
    cell: ({ row }) => <Instant at={row.original.lastSeen} none="never" />,
  }),
  column.accessor((row) => row.watch?.wave, {
    id: 'wave',
    header: 'Wave',
    cell: ({ row }) => <Text value={row.original.watch?.wave ?? null} none="none yet" />,
  }),
  column.accessor((row) => row.watch?.proof, {
    id: 'proof',
    header: 'Proof',
    cell: ({ row }) => {
      const proof = row.original.watch?.proof ?? null;
      return proof === null ? <Nothing word="none" /> : PROOF_WORDS[proof];
    },
  }),
  column.accessor((row) => row.watch?.contactFleet, {
    id: 'contactFleet',
    header: 'Last seen, Fleet',
    meta: { sort: 'contactFleet' },
    cell: ({ row }) => <Instant at={row.original.watch?.contactFleet ?? null} none="never" />,
  }),
  column.accessor((row) => row.watch?.agent, {
    id: 'agent',
    header: 'Agent',
    cell: ({ row }) => <Agent agent={row.original.watch?.agent ?? null} />,
  }),
  column.accessor((row) => row.watch?.attention, {
    id: 'attention',
    header: 'Attention',
    cell: ({ row }) => <Attention codes={row.original.watch?.attention ?? []} />,
  }),
]);

/** A column by its name: given, or that of the field it shows. */
function idOf(column: { readonly id?: string | undefined; readonly accessorKey?: unknown }): string {
  return typeof column.accessorKey === 'string' ? column.accessorKey : (column.id ?? '');
}

/** The columns in the order of {@link deviceRoom}. */
function inOrder(room: readonly ColumnRoom[]): ColumnDef<typeof deviceFeatures, DeviceRow>[] {
  return room.flatMap(({ id }) => {
    const found = COLUMNS.find((column) => idOf(column) === id);
    return found === undefined ? [] : [found];
  });
}

const PLANNED_COLUMNS = inOrder(PLANNED_ROOM);
const WATCHED_COLUMNS = inOrder(WATCHED_ROOM);

export function deviceColumns(watched: boolean): ColumnDef<typeof deviceFeatures, DeviceRow>[] {
  return watched ? WATCHED_COLUMNS : PLANNED_COLUMNS;
}

function Agent({ agent }: { readonly agent: boolean | null }): React.JSX.Element {
  if (agent === null) return <Nothing word="not known, or none needed" />;
  return agent ? <>yes</> : <span className="muted">no</span>;
}

function Attention({ codes }: { readonly codes: readonly string[] }): React.JSX.Element {
  if (codes.length === 0) return <Nothing word="none" />;
  const words = codes.map(attentionWords);
  return (
    <span className="grid-attention" title={words.join('\n')}>
      {words.join(', ')}
    </span>
  );
}

interface InstantProps {
  readonly at: number | null;
  readonly none: string;
  readonly days?: boolean;
}

/** As TimeText, but without following the clock: a table has hundreds of them. */
function Instant({ at, none, days = false }: InstantProps): React.JSX.Element {
  if (at === null) return <span className="muted">{none}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={utc(at)}>
      {days ? day(at) : minute(at)}
    </time>
  );
}

interface TextProps {
  readonly value: string | null;
  readonly none: string;
  readonly mono?: boolean;
  readonly strong?: boolean;
}

function Text({ value, none, mono = false, strong = false }: TextProps): React.JSX.Element {
  if (value === null || value.trim() === '') return <Nothing word={none} />;
  return (
    <span className={`${mono ? 'mono' : ''} ${strong ? 'grid-strong' : ''}`} title={value}>
      {value}
    </span>
  );
}

function Nothing({ word }: { readonly word: string }): React.JSX.Element {
  return (
    <span className="grid-nothing">
      <span aria-hidden>–</span>
      <span className="unseen">{word}</span>
    </span>
  );
}

function Udid({ udid }: { readonly udid: string | null }): React.JSX.Element {
  return udid === null ? <Nothing word="none" /> : <ShortId value={udid} label="UDID" grows tabIndex={-1} />;
}

function Reasons({ codes }: { readonly codes: readonly string[] }): React.JSX.Element {
  if (codes.length === 0) return <Nothing word="none" />;
  return <span title={codes.map(inWords).join('\n')}>{codes.map(inWords).join(', ')}</span>;
}
