import { isBuiltin } from 'node:module';
import path from 'node:path';
import {
  type Identifier,
  isBindingElement,
  isCallExpression,
  isExportDeclaration,
  isExternalModuleReference,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isPropertyAccessExpression,
  isQualifiedName,
  isShorthandPropertyAssignment,
  isStringLiteral,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import type { FileSystem } from 'typescript/unstable/fs';
import { API, type Checker, type Symbol as TypeScriptSymbol } from 'typescript/unstable/sync';

/** A place in the sources that a rule of the architecture forbids. */
export interface Breach {
  /** Relative to the project. */
  readonly file: string;
  readonly line: number;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

interface Layer {
  /** Folders of `src/` it may import from, beside itself. */
  readonly layers: readonly string[];
  /** npm packages it may import, or all. */
  readonly packages: readonly string[] | 'all';
  /** Whether it may touch node: modules. */
  readonly builtins: boolean;
  /** Whether it must take time, chance and everything else of the world through ports. */
  readonly pure: boolean;
  readonly why: string;
}

const EDGE = { packages: 'all', builtins: true, pure: false } as const;
const PURE = { packages: [], builtins: false, pure: true } as const;

/** What each folder of `src/` may know of; ARCHITECTURE.md draws it. */
const LAYERS: Readonly<Record<string, Layer>> = {
  core: { ...PURE, layers: [], why: 'core is pure logic and knows nothing but itself' },
  ports: { ...PURE, layers: ['core'], why: 'ports are interfaces in terms of core' },
  actors: {
    ...PURE,
    layers: ['core', 'ports'],
    packages: ['nact', 'lru-cache'],
    why: 'the daemon and the simulator build the same actors, so these know the world by its ports only',
  },
  native: {
    ...EDGE,
    layers: ['core', 'ports'],
    why: 'native implements ports for the real kernel, for whoever asks',
  },
  sources: { ...EDGE, layers: ['core', 'ports'], why: 'sources implement a port, for whoever asks' },
  mesh: { ...EDGE, layers: ['core', 'ports'], why: 'mesh implements a port, for whoever asks' },
  api: {
    ...EDGE,
    layers: ['core', 'ports'],
    why: 'the API gets what it shows through ports and types of core',
  },
  sim: { ...EDGE, layers: ['core', 'ports', 'actors'], why: 'the simulator implements every port itself' },
  cli: {
    ...EDGE,
    layers: ['core', 'ports', 'actors', 'native', 'sources', 'mesh', 'api'],
    why: 'cli puts the parts together and starts a simulation only through its root',
  },
};

/** What `cli` may import of the simulator: its composition root, and what shows and searches runs. */
const SIM_ROOTS = ['src/sim/cluster.ts', 'src/sim/report/', 'src/sim/search/'];

const CLOCK = 'take nowMs as an argument, or the Clock port (src/ports/time.ts)';
const TIMERS = 'use Self.sendAfter, or the Timers port (src/ports/time.ts)';
const RANDOM = 'take the Random port (src/ports/random.ts)';
const PORT = 'let a port do it, and pass what comes of it';

/** Globals that reach into the world, and what to do instead. */
const GLOBALS: Readonly<Record<string, string>> = {
  Date: CLOCK,
  performance: CLOCK,
  crypto: RANDOM,
  setTimeout: TIMERS,
  setInterval: TIMERS,
  setImmediate: TIMERS,
  clearTimeout: TIMERS,
  clearInterval: TIMERS,
  clearImmediate: TIMERS,
  queueMicrotask: 'send a message instead',
  process: 'take what it says as an argument',
  console: 'use the Log port (src/ports/log.ts)',
  fetch: PORT,
  WebSocket: PORT,
  Buffer: 'use Uint8Array',
  WeakRef: 'let go of things explicitly: what the collector does when differs from run to run',
  FinalizationRegistry: 'let go of things explicitly: what the collector does when differs from run to run',
  require: 'import what is allowed at the top of the file',
  globalThis: 'name what is needed, so that it can be checked',
  eval: 'write the code',
};

const PURE_WHY = 'what the simulator replays must not depend on anything but its ports';

/**
 * Reads the project at `root` (its `tsconfig.json`) and answers every breach, in order of files and lines.
 * Names are resolved by TypeScript itself, so a property, a parameter or an import called `process` is none.
 */
export function findBreaches(root: string, fs?: FileSystem): readonly Breach[] {
  const api = new API({ cwd: root, ...(fs === undefined ? {} : { fs }) });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [path.join(root, 'tsconfig.json')] });
    const [project] = snapshot.getProjects();
    if (project === undefined) throw new Error(`${root} holds no TypeScript project`);
    const { program, checker } = project;
    const breaches: Breach[] = [];
    const edges = new FolderEdges();
    for (const name of [...program.getSourceFileNames()].sort()) {
      const file = path.relative(root, name);
      const sourceFile = file.startsWith('src/') ? program.getSourceFile(name) : undefined;
      if (sourceFile === undefined) continue;
      breaches.push(...new FileCheck(root, file, sourceFile, checker, edges).breaches());
    }
    snapshot.dispose();
    return [...breaches, ...edges.cycles()];
  } finally {
    api.close();
  }
}

class FileCheck {
  private readonly root: string;
  private readonly file: string;
  private readonly source: SourceFile;
  private readonly checker: Checker;
  private readonly edges: FolderEdges;
  private readonly layerName: string;
  private readonly found: { readonly at: number; readonly breach: Breach }[] = [];

  constructor(root: string, file: string, source: SourceFile, checker: Checker, edges: FolderEdges) {
    this.root = root;
    this.file = file;
    this.source = source;
    this.checker = checker;
    this.edges = edges;
    this.layerName = file.split('/')[1] ?? '';
  }

  breaches(): readonly Breach[] {
    const layer = LAYERS[this.layerName];
    if (layer === undefined) {
      this.tell(
        this.source,
        'lies in no layer',
        'the rules are stated per folder of src/',
        `move it to one of ${Object.keys(LAYERS).join(', ')}`,
      );
    } else {
      const suspects: Identifier[] = [];
      this.visit(this.source, layer, suspects);
      this.checkGlobals(suspects);
    }
    return this.found.sort((a, b) => a.at - b.at).map(({ breach }) => breach);
  }

  private visit(node: Node, layer: Layer, suspects: Identifier[]): void {
    const specifier = moduleSpecifier(node);
    if (specifier !== undefined) this.checkImport(specifier, layer);
    if (layer.pure && isIdentifier(node) && (Object.hasOwn(GLOBALS, node.text) || node.text === 'Math')) {
      if (!isNameOfMember(node)) suspects.push(node);
    }
    node.forEachChild((child) => this.visit(child, layer, suspects));
  }

  private checkImport(specifier: Node, layer: Layer): void {
    if (!isStringLiteral(specifier)) {
      if (layer.pure)
        this.tell(specifier, 'imports a module whose name is made at run time', layer.why, 'name the module');
      return;
    }
    const { text } = specifier;
    if (text.startsWith('.')) this.checkOwnImport(specifier, text, layer);
    else if (isBuiltin(text)) {
      if (!layer.builtins) this.tell(specifier, `imports ${text}`, layer.why, PORT);
    } else {
      const name = text.split('/', text.startsWith('@') ? 2 : 1).join('/');
      if (layer.packages !== 'all' && !layer.packages.includes(name)) {
        const allowed = layer.packages.length === 0 ? 'no package' : layer.packages.join(' and ');
        this.tell(specifier, `imports the package ${name}`, `${layer.why}; it may import ${allowed}`, PORT);
      }
    }
  }

  private checkOwnImport(specifier: Node, text: string, layer: Layer): void {
    const target = path.join(path.dirname(this.file), text).replace(/\.js$/, '.ts');
    if (!target.startsWith('src/')) {
      if (this.layerName === 'cli' && target === 'package.json') return;
      this.tell(
        specifier,
        `imports ${target}`,
        'src/ is what ships, and it stands alone',
        'move what is needed into src/',
      );
      return;
    }
    this.edges.add(this.file, target, this.lineOf(specifier));
    const other = target.split('/')[1] ?? '';
    if (other === this.layerName || layer.layers.includes(other)) return;
    if (this.layerName === 'cli' && SIM_ROOTS.some((root) => target.startsWith(root))) return;
    const remedy =
      other === 'cli'
        ? 'nothing may import cli: move what is shared below it'
        : `import from ${[this.layerName, ...layer.layers].join(', ')} only: pass the rest in, as a port if need be`;
    this.tell(specifier, `imports ${target}`, layer.why, remedy);
  }

  private checkGlobals(suspects: readonly Identifier[]): void {
    const symbols = this.checker.getSymbolAtLocation(suspects);
    for (const [index, node] of suspects.entries()) {
      const { parent } = node;
      // In `{ process }` the name is a property and a use at once.
      const symbol = isShorthandPropertyAssignment(parent)
        ? this.checker.getShorthandAssignmentValueSymbol(parent)
        : symbols[index];
      if (this.isOurs(symbol)) continue;
      if (node.text !== 'Math') {
        this.tell(node, `uses ${node.text}`, PURE_WHY, GLOBALS[node.text] ?? PORT);
      } else if (!isPropertyAccessExpression(parent)) {
        this.tell(
          node,
          'uses Math as a value',
          'Math.random can hide behind it',
          'write Math.x where it is used',
        );
      } else if (parent.name.text === 'random') {
        this.tell(node, 'uses Math.random', PURE_WHY, RANDOM);
      }
    }
  }

  /** Whether the name is declared in the project, and not one of the language's or Node's globals. */
  private isOurs(symbol: TypeScriptSymbol | undefined): boolean {
    return (symbol?.declarations ?? []).some(
      (declaration) =>
        declaration.path.startsWith(`${this.root}/`) && !declaration.path.includes('/node_modules/'),
    );
  }

  private lineOf(node: Node): number {
    return this.source.text.slice(0, node.getStart(this.source)).split('\n').length;
  }

  private tell(node: Node, what: string, why: string, remedy: string): void {
    const breach = { file: this.file, line: this.lineOf(node), what, why, remedy };
    this.found.push({ at: node.getStart(this.source), breach });
  }
}

/** The node that names the module, if `node` imports or re-exports one, whichever way. */
function moduleSpecifier(node: Node): Node | undefined {
  if (isImportTypeNode(node)) return isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
  if (isCallExpression(node)) {
    const { expression } = node;
    const imports =
      expression.kind === SyntaxKind.ImportKeyword ||
      (isIdentifier(expression) && expression.text === 'require');
    return imports ? node.arguments[0] : undefined;
  }
  if (isImportDeclaration(node) || isExportDeclaration(node)) return node.moduleSpecifier;
  return isExternalModuleReference(node) ? node.expression : undefined;
}

/** Whether the identifier names a member of something, and so nothing global: `a.process`, `{ process: b } = c`. */
function isNameOfMember(node: Identifier): boolean {
  const { parent } = node;
  if (isPropertyAccessExpression(parent)) return parent.name === node;
  if (isQualifiedName(parent)) return parent.right === node;
  if (isBindingElement(parent)) return parent.propertyName === node;
  return false;
}

/** Which folder imports which, and where first. */
class FolderEdges {
  private readonly targets = new Map<string, Map<string, { readonly file: string; readonly line: number }>>();

  add(file: string, target: string, line: number): void {
    const from = path.dirname(file);
    const to = path.dirname(target);
    if (from === to) return;
    const known = this.targets.get(from) ?? new Map();
    if (!known.has(to)) known.set(to, { file, line });
    this.targets.set(from, known);
  }

  /** One breach for each pair of folders that reach each other, at the import that leads back. */
  cycles(): readonly Breach[] {
    const breaches: Breach[] = [];
    for (const [from, targets] of this.targets) {
      for (const [to, { file, line }] of targets) {
        if (to < from || !this.reaches(to, from)) continue;
        const what = `imports from ${to}, which itself needs ${from}`;
        breaches.push({
          file,
          line,
          what,
          why: 'folders that need each other are one folder in disguise',
          remedy: 'move what both need below both',
        });
      }
    }
    return breaches;
  }

  private reaches(from: string, goal: string): boolean {
    const seen = new Set([from]);
    for (const folder of seen) {
      if (folder === goal) return true;
      for (const next of this.targets.get(folder)?.keys() ?? []) seen.add(next);
    }
    return false;
  }
}
