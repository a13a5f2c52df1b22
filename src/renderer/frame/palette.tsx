/** Everything by its name: steps, actions of all steps, devices, settings. Focus stays in the field; arrows choose. */
import { Modal, useMantineColorScheme } from '@mantine/core';
import { ArrowRight, Contrast, ListFilter, Keyboard, Moon, Smartphone, Sun, type LucideIcon } from 'lucide-react';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { STEP_SCREENS } from '../features/steps';
import { workspaceActions } from '../features/welcome/workspace-actions';
import { shortened } from '../format/id';
import { platformName } from '../format/words';
import { useAnswer } from '../hooks/use-answer';
import { useEscape } from '../hooks/use-escape';
import { COMMAND } from '../hooks/use-shortcut';
import { useMaybeState } from '../stores/app-state';
import { goTo } from '../stores/route';
import { showPalette, showShortcuts, useUi } from '../stores/ui';
import './palette.css';

interface Item {
  readonly id: string;
  readonly group: 'Steps' | 'Actions' | 'Devices' | 'Settings';
  readonly label: string;
  readonly note: string;
  readonly icon: LucideIcon;
  readonly cannot: string | null;
  readonly run: () => void;
}

function close(): void {
  showPalette(false);
}

export function Palette(): React.JSX.Element {
  const opened = useUi((ui) => ui.palette);
  useEscape(opened, close);
  return (
    <Modal.Root opened={opened} onClose={close} size={640} returnFocus>
      <Modal.Overlay />
      <Modal.Content aria-label="Command palette">
        <PaletteBody />
      </Modal.Content>
    </Modal.Root>
  );
}

function PaletteBody(): React.JSX.Element {
  const [words, setWords] = useState('');
  const [place, setPlace] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const items = useItems(words);
  const at = Math.min(place, Math.max(0, items.length - 1));
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at, items]);
  const choose = (item: Item | undefined): void => {
    if (item === undefined || item.cannot !== null) return;
    close();
    item.run();
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const last = items.length - 1;
    const next = { ArrowDown: at === last ? 0 : at + 1, ArrowUp: at === 0 ? last : at - 1 }[event.key];
    if (next !== undefined) setPlace(next);
    else if (event.key === 'Enter') choose(items[at]);
    else return;
    event.preventDefault();
  };
  return (
    <div className="palette">
      <input
        className="palette-input"
        role="combobox"
        aria-label="Search steps, actions, devices, settings"
        aria-expanded
        aria-controls={id}
        aria-activedescendant={items.length === 0 ? undefined : `${id}-${at}`}
        placeholder="Search steps, actions, devices, settings"
        spellCheck={false}
        autoComplete="off"
        data-autofocus
        value={words}
        onChange={(event) => {
          setWords(event.currentTarget.value);
          setPlace(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} className="palette-list" id={id} role="listbox" aria-label="Results">
        {items.map((item, index) => (
          <PaletteItem
            key={item.id}
            id={`${id}-${index}`}
            item={item}
            opens={item.group !== items[index - 1]?.group}
            selected={index === at}
            onPoint={() => {
              setPlace(index);
            }}
            onChoose={() => {
              choose(item);
            }}
          />
        ))}
        {items.length === 0 && <p className="palette-none">Nothing is called that.</p>}
      </div>
    </div>
  );
}

interface PaletteItemProps {
  readonly id: string;
  readonly item: Item;
  /** It is the first of its group. */
  readonly opens: boolean;
  readonly selected: boolean;
  readonly onPoint: () => void;
  readonly onChoose: () => void;
}

function PaletteItem({ id, item, opens, selected, onPoint, onChoose }: PaletteItemProps): React.JSX.Element {
  const { icon: Icon } = item;
  return (
    <>
      {opens && (
        <div className="palette-group" role="presentation">
          {item.group}
        </div>
      )}
      <div
        id={id}
        className="palette-item"
        role="option"
        aria-selected={selected}
        aria-disabled={item.cannot !== null}
        onMouseMove={onPoint}
        onClick={onChoose}
      >
        <Icon size={16} aria-hidden />
        {item.label}
        <span className="palette-note">{item.cannot ?? item.note}</span>
      </div>
    </>
  );
}

function useItems(words: string): Item[] {
  const fixed = useFixedItems();
  const devices = useDeviceItems(words);
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const named = fixed.filter(({ group, label, note }) => {
    const text = `${group} ${label} ${note}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  const before = named.filter(({ group }) => group !== 'Settings');
  const after = named.filter(({ group }) => group === 'Settings');
  return [...before, ...devices, ...after];
}

function useFixedItems(): Item[] {
  const { state } = useMaybeState();
  const { setColorScheme } = useMantineColorScheme();
  return useMemo(() => {
    const item = (
      group: Item['group'],
      id: string,
      label: string,
      icon: LucideIcon,
      run: () => void,
      note = '',
      cannot: string | null = null,
    ): Item => ({
      id: `${group}/${id}`,
      group,
      label,
      note,
      icon,
      run,
      cannot,
    });
    const open = state !== null && (state.workspace !== null || state.source !== null);
    const steps = open
      ? STEP_SCREENS.map(({ name, title, icon }, index) =>
          item(
            'Steps',
            name,
            title,
            icon,
            () => {
              goTo(name);
            },
            `${COMMAND} ${index + 1}`,
          ),
        )
      : [];
    const actions = open
      ? STEP_SCREENS.flatMap(({ name, title, primary, more }) =>
          [primary?.(state) ?? null, ...(more?.(state) ?? [])].flatMap((action) =>
            action === null
              ? []
              : [
                  item(
                    'Actions',
                    `${name}/${action.id}`,
                    action.label,
                    action.icon ?? ArrowRight,
                    () => {
                      goTo(name);
                      action.run();
                    },
                    title,
                    action.cannot ?? null,
                  ),
                ],
          ),
        )
      : [];
    const workspace = workspaceActions(state?.workspace != null).map(({ id, label, icon, run, cannot }) =>
      item('Actions', id, label, icon ?? ArrowRight, run, 'Workspace', cannot ?? null),
    );
    return [
      ...steps,
      ...actions,
      ...workspace,
      item('Settings', 'light', 'Light appearance', Sun, () => {
        setColorScheme('light');
      }),
      item('Settings', 'dark', 'Dark appearance', Moon, () => {
        setColorScheme('dark');
      }),
      item('Settings', 'auto', 'Appearance as the system has it', Contrast, () => {
        setColorScheme('auto');
      }),
      item(
        'Settings',
        'keys',
        'Show all keys',
        Keyboard,
        () => {
          showShortcuts(true);
        },
        '?',
      ),
    ];
  }, [state, setColorScheme]);
}

const FOUND = 6;

function useDeviceItems(words: string): Item[] {
  const search = words.trim();
  const { state } = useMaybeState();
  const asks = search.length > 1 && state?.source != null;
  const { reply } = useAnswer('devices.query', {
    search: asks ? search : '',
    verdicts: [],
    actions: [],
    platforms: [],
    sources: [],
    reasons: [],
    states: [],
    attention: [],
    sort: 'name',
    descending: false,
    offset: 0,
    limit: asks ? FOUND : 0,
    hold: true,
  });
  if (!asks || reply?.ok !== true) return [];
  const found = reply.value.rows.map((row): Item => {
    const query = new URLSearchParams({ q: search, device: row.id }).toString();
    return {
      id: `Devices/${row.id}`,
      group: 'Devices',
      label: row.name ?? row.serial ?? row.udid ?? row.id,
      note: [row.serial, platformName(row.platform), row.udid === null ? null : shortened(row.udid)]
        .filter((part) => part !== null)
        .join(' · '),
      icon: Smartphone,
      cannot: null,
      run: () => {
        goTo('devices', query);
      },
    };
  });
  if (reply.value.matching <= found.length) return found;
  return [
    ...found,
    {
      id: 'Devices/all',
      group: 'Devices',
      label: `All ${reply.value.matching.toLocaleString('en-US')} devices with “${search}”`,
      note: '',
      icon: ListFilter,
      cannot: null,
      run: () => {
        goTo('devices', new URLSearchParams({ q: search }).toString());
      },
    },
  ];
}
