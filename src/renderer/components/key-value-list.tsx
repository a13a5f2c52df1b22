/** Facts: a word and its value, line by line. */
import './key-value-list.css';

export interface KeyValue {
  readonly label: string;
  readonly value: React.ReactNode;
}

export function KeyValueList({ items }: { readonly items: readonly KeyValue[] }): React.JSX.Element {
  return (
    <dl className="key-values">
      {items.map(({ label, value }, index) => (
        // A label may occur twice (two certificates), so the place is part of the key.
        <Pair key={`${index} ${label}`} label={label} value={value} />
      ))}
    </dl>
  );
}

function Pair({ label, value }: KeyValue): React.JSX.Element {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}
