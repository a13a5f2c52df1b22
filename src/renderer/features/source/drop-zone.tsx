/** Where a database, a folder or a table is dropped: anywhere on the screen. */
import { FileDown } from 'lucide-react';
import { useState } from 'react';
import { FileDrop } from '../../components/file-drop';
import { readSourceFile } from './source-actions';

interface DropZoneProps {
  readonly children: React.ReactNode;
}

export function DropZone({ children }: DropZoneProps): React.JSX.Element {
  const [refused, setRefused] = useState<string | null>(null);
  const drop = (paths: readonly string[]): void => {
    const [path = ''] = paths;
    if (paths.length > 1) setRefused('Several files were dropped. Drop one: the database, the folder, or the table.');
    else if (path === '') setRefused('What was dropped is no file on this machine.');
    else {
      setRefused(null);
      void readSourceFile(path);
    }
  };
  return (
    <FileDrop
      className="source"
      overClassName="source-over"
      onDrop={drop}
      curtain={
        <div className="source-curtain" aria-hidden>
          <FileDown size={28} strokeWidth={1.5} />
          Drop it to read it. It is opened read-only.
        </div>
      }
    >
      {refused !== null && (
        <p className="source-refused" role="alert">
          {refused}
        </p>
      )}
      {children}
    </FileDrop>
  );
}
