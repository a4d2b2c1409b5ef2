"""What the study's figures share: gnuplot's files, data blocks and colours."""
import os
import shutil
import subprocess

from study import fail

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8b6508", "#7f7f7f"]


def draw(script, path):
    """Runs gnuplot's script for both files; each is complete or not there."""
    if not shutil.which("gnuplot"):
        fail("gnuplot not found, expected it on the PATH (Debian package gnuplot-nox)")
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix, terminal in [("svg", "svg size 720,460 font 'sans,13'"), ("png", "pngcairo size 720,460 font 'sans,10'")]:
        head = f"set encoding utf8\nset terminal {terminal} noenhanced background '#ffffff'\n"
        head += "set border 3\nset tics nomirror\nset grid linecolor '#dddddd' linetype 1\n"
        done = subprocess.run(["gnuplot", "-"], input=(head + script).encode(), capture_output=True)
        if done.returncode or not done.stdout:
            fail(f"{path.name}.{suffix}: gnuplot: {done.stderr.decode().strip() or 'found no picture'}")
        part = path.with_name(path.name + f".{suffix}.part")
        part.write_bytes(done.stdout)
        os.replace(part, path.with_name(f"{path.name}.{suffix}"))


def block(name, rows):
    return f"${name} << EOD\n" + "".join(" ".join(f"{v}" for v in row) + "\n" for row in rows) + "EOD\n"
