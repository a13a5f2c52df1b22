/** Filters by name: a few that everybody needs, and the workspace's own. */
import { Menu } from '@mantine/core';
import { Bookmark, BookmarkPlus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { DeviceFilter } from '../../../contract/devices';
import { Button } from '../../components/button';
import { Dialog } from '../../components/dialog';
import { FailurePanel } from '../../components/failure-panel';
import { TextField } from '../../components/field';
import { useCall } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { filterOf, narrows, queryOf } from './device-filter';

interface SavedFiltersProps {
  readonly filter: DeviceFilter;
  readonly onChange: (filter: DeviceFilter) => void;
}

const VIEWS = [
  { name: 'Everything', query: '' },
  { name: 'Attention', query: 'verdict=caution,blocked&sort=-verdict' },
  { name: 'Certificate ends first', query: 'sort=certificateNotAfter' },
  { name: 'Silent for longest', query: 'sort=lastSeen' },
] as const;

/** Once devices are watched. */
const WATCHED = [
  { name: 'Stragglers', query: 'state=waiting,stale,lost&sort=state' },
  { name: 'Attention', query: 'attention=any&sort=state' },
  {
    name: 'Never renewing',
    query: 'attention=renewal-impossible,renewal-stuck,no-host,certificate-expired&sort=certificateNotAfter',
  },
] as const;

const NONE: readonly { readonly name: string; readonly query: string }[] = [];

export function SavedFilters({ filter, onChange }: SavedFiltersProps): React.JSX.Element {
  const own = useAppState((state) => state.workspace?.settings.filters ?? NONE);
  const watched = useAppState((state) => state.watch?.look != null);
  const views = watched ? [...WATCHED, ...VIEWS.filter(({ name }) => name !== 'Attention')] : VIEWS;
  const hasWorkspace = useAppState((state) => state.workspace !== null);
  const save = useCall('workspace.save');
  const [naming, setNaming] = useState(false);
  const cannot = !hasWorkspace
    ? 'Filters are saved in a workspace, and none is open.'
    : !narrows(filter)
      ? 'There is nothing to save while all devices are shown.'
      : null;
  const show = (query: string): void => {
    onChange(filterOf(query));
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button icon={Bookmark}>Views</Button>
        </Menu.Target>
        <Menu.Dropdown>
          {views.map(({ name, query }) => (
            <Menu.Item
              key={name}
              onClick={() => {
                show(query);
              }}
            >
              {name}
            </Menu.Item>
          ))}
          {own.length > 0 && <Menu.Label>Saved in this workspace</Menu.Label>}
          {own.map(({ name, query }) => (
            <Menu.Item
              key={name}
              onClick={() => {
                show(query);
              }}
            >
              {name}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item
            leftSection={<BookmarkPlus size={15} aria-hidden />}
            disabled={cannot !== null}
            title={cannot ?? undefined}
            onClick={() => {
              setNaming(true);
            }}
          >
            Save this filter…
          </Menu.Item>
          {own
            .filter(({ query }) => query === queryOf(filter))
            .map(({ name }) => (
              <Menu.Item
                key={name}
                leftSection={<Trash2 size={15} aria-hidden />}
                onClick={() => void save.run({ filters: own.filter((other) => other.name !== name) })}
              >
                Delete “{name}”
              </Menu.Item>
            ))}
        </Menu.Dropdown>
      </Menu>
      <Dialog
        title="Save this filter"
        opened={naming}
        width={400}
        onClose={() => {
          setNaming(false);
        }}
      >
        <NameForm
          failure={save.failure === null ? null : <FailurePanel failure={save.failure} />}
          onSave={async (name) => {
            const others = own.filter((other) => other.name !== name);
            const reply = await save.run({ filters: [...others, { name, query: queryOf(filter) }] });
            if (reply.ok) setNaming(false);
          }}
        />
      </Dialog>
    </>
  );
}

interface NameFormProps {
  readonly failure: React.ReactNode;
  readonly onSave: (name: string) => Promise<void>;
}

function NameForm({ failure, onSave }: NameFormProps): React.JSX.Element {
  const [name, setName] = useState('');
  const cannot = name.trim() === '' ? 'Give it a name first.' : null;
  return (
    <form
      className="dialog-stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (cannot === null) void onSave(name.trim());
      }}
    >
      <TextField label="Name" value={name} onChange={setName} data-autofocus />
      {failure}
      <div className="dialog-actions">
        <Button type="submit" variant="primary" cannot={cannot}>
          Save
        </Button>
      </div>
    </form>
  );
}
