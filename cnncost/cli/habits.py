"""Words that people bring along from other programs, by what they are called here."""

from __future__ import annotations

WANTED = {
    "table": "flops macs mac params parameters summary info count cost costs profile stats analyze layers"
    " print size",
    "show": "tree view architecture describe",
    "memory": "mem vram ram fit fits footprint",
    "list": "ls models zoo families",
    "pick": "choose select recommend best find",
    "search": "sweep nas",
    "compare": "vs versus",
    "measure": "benchmark bench time latency speed run",
    "predict": "estimate simulate roofline",
    "plot": "figure chart picture",
    "draw": "graph visualize visualise render dot",
    "report": "html page",
    "import": "convert load read",
    "export": "onnx save",
    "lock": "init freeze snapshot",
    "check": "test ci budget",
    "exercise": "homework quiz exam sheet teach",
    "grade": "mark correct",
    "live": "edit serve watch",
    "help": "docs doc man manual ops operators conventions",
}
"""Words that people try, by the command that does it."""
MEANT = {
    "--batch": "--batch-size --bs --batchsize --batches --images --n",
    "--input": "--size --image-size --img-size --imgsz --resolution --res --input-size --input-shape --shape"
    " --image",
    "--dtype": "--precision --type --data-type --datatype",
    "--dtype float16": "--fp16 --half --amp",
    "--dtype bfloat16": "--bf16",
    "--dtype int8": "--int8",
    "--mode train": "--train --training",
    "--by": "--level --depth --group --group-by --granularity",
    "--output": "--out --file --save --outfile --to",
    "--format json": "--json",
    "--format csv": "--csv",
    "--format latex": "--latex --tex",
    "--format markdown": "--markdown --md",
    "--format html": "--html",
    "--set classes=10": "--classes --num-classes --num_classes",
    "--device cuda": "--gpu --cuda",
    "--device cpu": "--cpu",
    "--optimizer": "--optim --opt",
    "--sort": "--sort-by --order-by --sortby",
    "--max-peak": "--max-memory --memory --max-mem",
    "--max-latency": "--max-time --latency",
    "--min-top1": "--min-acc --min-accuracy --accuracy --top1",
    "--onnx": "-o --output",
    "--convention": "--conv --counting --tool",
    "--fits": "--gpu-memory --budget --ram --vram",
    "--on": "--hardware --target --platform --device",
    "--help": "-? --usage",
    "--version": "-V -v",
}
"""Options that other programs have, by what they are called here."""
