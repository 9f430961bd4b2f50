// What the live page uses of CodeMirror, as one file without imports (see package.json).
export {EditorState, Compartment} from "@codemirror/state";
export {
  EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection, hoverTooltip,
} from "@codemirror/view";
export {defaultKeymap, history, historyKeymap, indentWithTab} from "@codemirror/commands";
export {bracketMatching, indentOnInput, HighlightStyle, syntaxHighlighting} from "@codemirror/language";
export {autocompletion, completionKeymap, startCompletion} from "@codemirror/autocomplete";
export {lintGutter, lintKeymap, setDiagnostics} from "@codemirror/lint";
export {searchKeymap, highlightSelectionMatches} from "@codemirror/search";
export {yaml} from "@codemirror/lang-yaml";
export {tags} from "@lezer/highlight";
