// The licences of what the bundle contains, one after the other (see package.json).
import {existsSync, readFileSync, readdirSync, writeFileSync} from "node:fs";

const parts = [];
for (const scope of ["@codemirror", "@lezer", "@marijn", ""]) {
  const folder = `node_modules/${scope}`;
  const names = scope ? readdirSync(folder) : ["crelt", "style-mod", "w3c-keyname"];
  for (const name of names.sort()) {
    const path = `${folder}/${name}`.replace("//", "/"), file = `${path}/LICENSE`;
    if (!existsSync(file)) continue;
    const {version} = JSON.parse(readFileSync(`${path}/package.json`));
    parts.push(`${scope ? `${scope}/` : ""}${name} ${version}\n\n${readFileSync(file, "utf8").trim()}\n`);
  }
}
writeFileSync("../../cnncost/live/static/codemirror.LICENSE", parts.join("\n----\n\n"));
