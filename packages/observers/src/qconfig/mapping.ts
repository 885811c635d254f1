import { didYouMean, OctavoError } from '@octavo/core';
import { checkQConfig, describeQConfig, type QConfig } from './qconfig.js';
import { type QConfigDecision, QConfigResolution } from './resolution.js';

const BRAND = Symbol.for('@octavo/QConfigMapping.v1');

/** A type of modules: its name, or the class. */
// biome-ignore lint/suspicious/noExplicitAny: constructors take what they like.
export type ObjectType = string | (abstract new (...args: any[]) => unknown);

/** One rule, as it is told and what it gives. */
interface Rule {
  readonly name: string;
  readonly qconfig: QConfig | null;
}

/** A module as rules see it; what is unknown matches no rule that asks for it. */
interface Subject {
  readonly path: string;
  readonly type?: string | undefined;
  /** Which of its type it is among the children of the module around it, from 0. */
  readonly index?: number | undefined;
}

/**
 * Qconfigs by rules (PyTorch's class of that name). From the weakest to the strongest: all modules, a type, a pattern
 * of paths, a path with all below it, and the n-th module of a type within another. Null keeps float. It goes wherever
 * a dictionary of paths does.
 */
export class QConfigMapping {
  private all: Rule | null = null;
  private readonly types = new Map<string, Rule>();
  private readonly patterns = new Map<string, Rule & { readonly pattern: RegExp }>();
  private readonly paths = new Map<string, Rule>();
  private readonly positions = new Map<string, Rule & { readonly within: string }>();

  constructor() {
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** For every module that no other rule names. */
  setGlobal(qconfig: QConfig | null): this {
    this.all = rule('the global rule', qconfig);
    return this;
  }

  /** For modules of a type: 'Linear', or the class. */
  setObjectType(type: ObjectType, qconfig: QConfig | null): this {
    const name = typeName(type);
    this.types.set(name, rule(`the type ${name}`, qconfig));
    return this;
  }

  /** For paths that begin with a match, as Python's `re.match`; of several patterns, the one set first. */
  setModuleNameRegex(pattern: string | RegExp, qconfig: QConfig | null): this {
    const source = typeof pattern === 'string' ? pattern : pattern.source;
    const flags = typeof pattern === 'string' ? '' : pattern.flags.replace(/[gy]/g, '');
    const entry = rule(`the pattern /${source}/${flags}`, qconfig);
    this.patterns.set(`${source}/${flags}`, { ...entry, pattern: compile(source, flags) });
    return this;
  }

  /** For the module of a path and all below it; the deepest path decides. */
  setModuleName(path: string, qconfig: QConfig | null): this {
    if (path === '') {
      throw new OctavoError('INVALID_ARGUMENT', "[QConfigMapping.setModuleName] '' is the whole model: use setGlobal");
    }
    this.paths.set(path, rule(`the path '${path}'`, qconfig));
    return this;
  }

  /** For the `index`-th module of a type, from 0, among the children of the module of a path. */
  setModuleNameObjectTypeOrder(path: string, type: ObjectType, index: number, qconfig: QConfig | null): this {
    if (!Number.isInteger(index) || index < 0) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[QConfigMapping.setModuleNameObjectTypeOrder] index must be an integer of 0 or more, got ${index}`,
      );
    }
    const name = typeName(type);
    const entry = rule(`${name} ${index} in ${path === '' ? 'the model' : `'${path}'`}`, qconfig);
    this.positions.set(positionKey(path, name, index), { ...entry, within: path });
    return this;
  }

  /**
   * What each module gets. `modules` maps all paths, '' among them, to the names of their types, in the order of the
   * model; a list of paths will do where no rule asks for types. A rule for a path that does not exist is an error.
   */
  resolve(modules: ReadonlyMap<string, string> | Iterable<string>): QConfigResolution {
    const typed = modules instanceof Map ? (modules as ReadonlyMap<string, string>) : null;
    if (typed === null && this.types.size + this.positions.size > 0) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        '[QConfigMapping.resolve] it has rules by type, so modules must map each path to the name of its type',
      );
    }
    const paths = typed === null ? [...(modules as Iterable<string>)] : [...typed.keys()];
    this.checkPaths(new Set(paths));
    const counts = new Map<string, number>();
    const decisions = paths.map((path): [string, QConfigDecision] => {
      const type = typed?.get(path);
      if (type === undefined || path === '') return [path, this.decide({ path, type })];
      const key = `${parentOf(path)} ${type}`;
      const index = counts.get(key) ?? 0;
      counts.set(key, index + 1);
      return [path, this.decide({ path, type, index })];
    });
    return new QConfigResolution(new Map(decisions));
  }

  /**
   * Which rule wins for a path, and which lose to it: `x86QConfig: the path 'head' (before the type Linear, the global
   * rule)`. Rules by type count where `type` is given, rules by position where `index` is too.
   */
  explain(path: string, { type, index }: { type?: ObjectType; index?: number } = {}): string {
    const { qconfig, reason } = this.decide({ path, type: type === undefined ? undefined : typeName(type), index });
    return `${qconfig === null ? 'float' : describeQConfig(qconfig)}: ${reason}`;
  }

  /** All rules, the strongest first. */
  toString(): string {
    const rules = [this.positions, this.paths, this.patterns, this.types].flatMap((map): Rule[] => [...map.values()]);
    if (this.all !== null) rules.push(this.all);
    const lines = rules.map(
      ({ name, qconfig }) => `  ${name}: ${qconfig === null ? 'float' : describeQConfig(qconfig)}`,
    );
    return ['QConfigMapping {', ...lines, '}'].join('\n');
  }

  /** True for a mapping of any copy of this package. */
  static is(value: unknown): value is QConfigMapping {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  private decide(subject: Subject): QConfigDecision {
    const [winner, ...losers] = this.rulesFor(subject);
    if (winner === undefined) return { qconfig: null, key: null, reason: 'no rule covers it' };
    const { name, qconfig } = winner;
    const others = losers.length === 0 ? '' : ` (before ${losers.map((loser) => loser.name).join(', ')})`;
    return { qconfig, key: name, reason: `${name}${qconfig === null ? ' is null' : ''}${others}` };
  }

  /** All rules that speak of a module, the strongest first. */
  private rulesFor({ path, type, index }: Subject): Rule[] {
    const rules: (Rule | null | undefined)[] = [];
    if (type !== undefined && index !== undefined && path !== '') {
      rules.push(this.positions.get(positionKey(parentOf(path), type, index)));
    }
    for (let at = path; at !== ''; at = parentOf(at)) rules.push(this.paths.get(at));
    for (const entry of this.patterns.values()) if (entry.pattern.test(path)) rules.push(entry);
    if (type !== undefined) rules.push(this.types.get(type));
    rules.push(this.all);
    return rules.filter((found) => found !== null && found !== undefined);
  }

  private checkPaths(known: ReadonlySet<string>): void {
    for (const path of [...this.paths.keys(), ...[...this.positions.values()].map(({ within }) => within)]) {
      if (path === '' || known.has(path)) continue;
      throw new OctavoError(
        'UNKNOWN_NAME',
        `qconfig for '${path}': the model has no such module${didYouMean(path, known)}`,
        { details: { key: path, known: [...known] } },
      );
    }
  }
}

function rule(name: string, qconfig: QConfig | null): Rule {
  checkQConfig(name, qconfig);
  return { name, qconfig };
}

function typeName(type: ObjectType): string {
  return typeof type === 'string' ? type : type.name;
}

/** A pattern that only matches at the start. */
function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(`^(?:${source})`, flags);
  } catch (error) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[QConfigMapping.setModuleNameRegex] '${source}' is no pattern: ${error}`,
      {
        cause: error,
      },
    );
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), 0));
}

function positionKey(path: string, type: string, index: number): string {
  return `${path} ${type} ${index}`;
}
