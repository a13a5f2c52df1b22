/** A sentence of the engine’s, with what stands in backticks set as code. */
export function Prose({ text }: { readonly text: string }): React.JSX.Element {
  return (
    <>
      {text
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : <span key={index}>{part}</span>))}
    </>
  );
}
