/**
 * A long list of rows of one height, of which only what is seen exists: SQL lines, journal entries.
 * Asks for what it is about to show with `onRange`; `row` gives null for what is not there yet.
 * (The device table has its own grid: features/devices/device-grid.tsx.)
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import './virtual-list.css';

interface VirtualListProps {
  readonly label: string;
  readonly count: number;
  readonly rowHeight: number;
  readonly row: (index: number) => React.ReactNode;
  readonly onRange?: ((from: number, to: number) => void) | undefined;
  /** Brought into view when it changes. */
  readonly shown?: number | null | undefined;
  readonly className?: string | undefined;
}

export function VirtualList({
  label,
  count,
  rowHeight,
  row,
  onRange,
  shown = null,
  className = '',
}: VirtualListProps): React.JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its rows are drawn here and passed on to nobody
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const from = items[0]?.index ?? 0;
  const to = (items.at(-1)?.index ?? -1) + 1;
  useEffect(() => {
    if (to > from) onRange?.(from, to);
  }, [from, to, onRange]);
  useEffect(() => {
    if (shown !== null) virtualizer.scrollToIndex(shown, { align: 'center' });
  }, [shown, virtualizer]);
  return (
    <div ref={scroller} className={`virtual ${className}`} role="list" aria-label={label} tabIndex={0}>
      <div className="virtual-room" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => (
          <div
            key={item.key}
            className="virtual-row"
            role="listitem"
            aria-posinset={item.index + 1}
            aria-setsize={count}
            style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
          >
            {row(item.index)}
          </div>
        ))}
      </div>
    </div>
  );
}
