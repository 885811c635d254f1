/**
 * Where user code stands when a tensor is read: `/app/model.js:12:7`, or null. It is called by the recorder's `read`,
 * which core's `notifyRead` calls, so that frames 0 and 2 show where this package and core lie; the first frame
 * elsewhere is the user's.
 */
export function userFrame(): string | null {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const frames = (new Error().stack ?? '').split('\n').slice(1).map(locationOf);
  Error.stackTraceLimit = limit;
  const own = [frames[0], frames[2]].flatMap((frame) => (frame ? [folderOf(frame)] : []));
  const isUsers = (frame: string | null) => frame !== null && !own.some((folder) => frame.startsWith(folder));
  // In a bundle everything lies in one file: then it is the caller of the tensor's getter.
  return frames.slice(3).find(isUsers) ?? frames[4] ?? null;
}

/** `path:line:column` of a line of a V8 stack. */
function locationOf(line: string): string | null {
  const match = /\(([^()]+:\d+:\d+)\)$|at (?:async )?([^() ]+:\d+:\d+)$/.exec(line.trim());
  const location = match?.[1] ?? match?.[2];
  return location === undefined ? null : location.replace(/^file:\/\//, '').replaceAll('\\', '/');
}

/** The folder of sources or of built files that a location lies in; the file itself where there is none. */
function folderOf(location: string): string {
  return /^.*\/(?:src|dist)\//.exec(location)?.[0] ?? location.replace(/:\d+:\d+$/, ':');
}
