# Sourced by tests/faults/sweep: commands of the program with all that a sweep of faults needs of them. A scene NAME is
#   NAME_begin    fills the working folder, with nothing failing
#   NAME_run      the command under test, with "$@" in front of the program
#   NAME_again    what a user does after a failure, so that what NAME_run left undone is done; without it: NAME_run
#   NAME_result   prints what must be the same in the end, whatever failed on the way (times left out); without it: what
#                 NAME_run printed, as NAME_view shows it
# All run in the working folder, which is as NAME_begin left it before each NAME_run.
# shellcheck shell=sh disable=SC2154 # $program, $root and $library come from sweep

# Small, but with every kind of layer, callback, schedule and augmentation that takes memory.
write_configs() {
    cat >tiny.json <<'END'
{"name": "tiny", "seed": 3,
 "data": {"source": "synth", "train": 20, "test": 8, "validation_split": 0.2, "resize": [8, 8], "normalize": "standardize",
          "augment": [{"type": "RandomFlip"}, {"type": "RandomTranslation", "height_factor": 0.1, "width_factor": 0.1}]},
 "model": [
   {"type": "Conv2D", "filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu",
    "kernel_regularizer": {"type": "L2", "l2": 0.001}},
   {"type": "BatchNormalization"}, {"type": "MaxPooling2D", "pool_size": 2},
   {"type": "SeparableConv2D", "filters": 4, "kernel_size": 3},
   {"type": "Flatten"}, {"type": "Dropout", "rate": 0.2}, {"type": "Dense", "units": 10, "activation": "softmax"}],
 "training": {"epochs": 2, "batch_size": 5, "optimizer": {"type": "Adam", "learning_rate": 0.01},
   "schedule": {"type": "CosineDecay"},
   "callbacks": [{"type": "EarlyStopping", "patience": 5, "restore_best_weights": true},
                 {"type": "ModelCheckpoint", "save_best_only": false}]}}
END
    cat >other.json <<'END'
{"extends": "tiny.json", "name": "other",
 "model": [{"type": "DepthwiseConv2D", "kernel_size": 3, "activation": "relu"},
           {"repeat": 2, "layers": [{"type": "Residual", "layers": [
              {"type": "Conv2D", "filters": 5, "kernel_size": 3, "padding": "same", "kernel_constraint": "max_norm"}]}]},
           {"type": "GlobalAveragePooling2D"},
           {"type": "Dense", "units": 10, "activation": "softmax"}]}
END
    echo '{"name": "batch", "configs": ["tiny.json", "other.json"], "seeds": [1, 2], "set": {"training.epochs": 1}}' \
        >batch.json
}

# Data sets of a few images in every format.
write_data() {
    mkdir idx cifar classes classes/a classes/b
    printf '\0\0\10\3\0\0\0\4\0\0\0\10\0\0\0\10' >idx/train-images-idx3-ubyte
    head -c 256 "$root/tests/golden/images/slope.jpg" >>idx/train-images-idx3-ubyte
    printf '\0\0\10\1\0\0\0\4\0\1\2\3' >idx/train-labels-idx1-ubyte
    for kind in images-idx3 labels-idx1; do
        gzip -c idx/train-$kind-ubyte >idx/t10k-$kind-ubyte.gz
    done
    for batch in data_batch_1 data_batch_2 test_batch; do
        { printf '\1' && head -c 3072 "$root/tests/golden/images/flat_100.jpg"; } >cifar/$batch.bin
        head -c $((3073 - $(wc -c <cifar/$batch.bin))) /dev/zero >>cifar/$batch.bin
    done
    printf 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n' >cifar/batches.meta.txt
    cp "$root/tests/golden/images/flat_100.jpg" classes/a/1.jpg
    cp "$root/tests/golden/images/flat_200.jpg" classes/b/1.jpg
    printf 'file,label\nclasses/a/1.jpg,a\nclasses/b/1.jpg,b\n' >list.csv
    cp "$root/tests/golden/mat/svhn_tiny_32x32.mat" digits.mat
    npy_header "'|u1'" '(2, 4, 4, 3)' >images.npy
    head -c 96 "$root/tests/golden/images/slope.jpg" >>images.npy
    npy_header "'<i4'" '(2,)' >labels.npy
    printf '\0\0\0\0\1\0\0\0' >>labels.npy
}

npy_header() { printf '\223NUMPY\1\0\166\0%-117s\n' "{'descr': $1, 'fortran_order': False, 'shape': $2, }"; }

# The files of a run that no clock stands in.
run_result() {
    for file in last.safetensors best.safetensors predictions.csv confusion.csv config.json curves.svg confusion.svg; do
        cksum "$1/$file" || return 1
    done
    cut -d , -f 1-6 "$1/history.csv"
    sed -n 's/^ *"\(status\|test_loss\|test_accuracy\|epochs\)": /\1 /p' "$1/metrics.json"
    test -s "$1/report.md" && test -s "$1/report.html" || return 1
}

# A run in which something failed: resumed where it can be, else repeated. Its folder must then be free for it.
go_on() {
    if [ -e "$1/config.json" ] || [ -e "$1/last.safetensors" ]; then
        "$program" train --resume "$1" -q
    else
        shift
        "$@"
    fi
}

train_command() { "$@" "$program" train tiny.json --threads 2 --out run; }
train_begin() { write_configs; }
train_run() { train_command "$@"; }
train_again() { go_on run train_command env; }
train_result() { run_result run; }

# The third checkpoint cannot be moved into place: the run ends in its second epoch.
resume_begin() {
    write_configs
    env LD_PRELOAD="$library" FAULTS_CLASS=rename FAULTS_AT=5 FAULTS_ERRNO=5 \
        "$program" train tiny.json --threads 2 --out runs/cut >/dev/null 2>&1
    [ -e runs/cut/last.safetensors ] && [ ! -e runs/cut/metrics.json ]
}
resume_run() { "$@" "$program" train --resume --threads 2; }
resume_again() { "$program" train --resume runs/cut; }
resume_result() { run_result runs/cut; }

weights_begin() {
    write_configs
    "$program" train tiny.json -q --out first >/dev/null
}
weights_command() { "$@" "$program" train tiny.json --threads 1 --json --out run --weights first/best.safetensors; }
weights_run() { weights_command "$@"; }
weights_again() { go_on run weights_command env; }
weights_result() { run_result run; }

experiments_begin() { write_configs; }
experiments_run() { "$@" "$program" experiments batch.json --threads 2 --out batch; }
experiments_again() { experiments_run env; }
experiments_result() {
    for run in batch/*/; do run_result "$run" || return 1; done
    cut -d , -f 1-8 batch/results.csv
    test -s batch/report.md && test -s batch/report.html && test -s batch/results.json
}

jobs_begin() { write_configs; }
jobs_run() { "$@" "$program" experiments batch.json --jobs 2 --threads 2 --out batch; }
jobs_again() { jobs_run env; }
jobs_result() { experiments_result; }

model_begin() {
    write_configs
    write_data
    "$program" train tiny.json -q --out run >/dev/null
}
evaluate_begin() { model_begin; }
evaluate_run() { "$@" "$program" evaluate run --threads 2; }
evaluate_json_begin() { model_begin; }
evaluate_json_run() { "$@" "$program" evaluate run/best.safetensors --json --split train --threads 1; }
predict_begin() { model_begin; }
predict_run() { "$@" "$program" predict run classes/a/1.jpg classes/b/1.jpg --top 3; }
predict_json_begin() { model_begin; }
predict_json_run() { "$@" "$program" predict run classes/a/1.jpg --json; }

predict_many_begin() { model_begin; }
predict_many_run() { "$@" "$program" predict run classes --csv --top 2 --resize fit --threads 2; }

# The pictures are the result; what failed is written anew.
pictures_result() { cksum pictures/*; }
visualize_begin() {
    model_begin
    visualize_run env
    older pictures/*
}
visualize_run() {
    "$@" "$program" visualize run --kernels --features test:1 --mistakes --saliency test:1 --out pictures --threads 2
}
visualize_result() { pictures_result; }
visualize_json_begin() { model_begin; }
visualize_json_run() {
    "$@" "$program" visualize tiny.json --features classes/a/1.jpg --occlusion classes/a/1.jpg --patch 4 --out pictures \
        --threads 2 --json
}
visualize_json_result() { pictures_result; }

# Files that the scene's command has just made: they become older ones, which it replaces, and whole/ has the new ones.
older() {
    for file in "$@"; do
        mkdir -p "whole/$(dirname "$file")"
        mv "$file" "whole/$file"
        { head -n 3 "whole/$file" && echo old; } >"$file" # by its first lines the program knows some as its own
    done
}
convert_begin() {
    write_configs
    "$program" train tiny.json -q --out run >/dev/null
    "$program" convert run "$@" -q
    older out.*
}
convert_to() {
    kind=$1
    shift
    "$@" "$program" convert run "out.$kind"
}
converted() { cksum out.* && cat "$scratch/out"; }
convert_keras_begin() { convert_begin out.keras; }
convert_keras_run() { convert_to keras "$@"; }
convert_keras_result() { converted; }
convert_h5_begin() { convert_begin out.h5; }
convert_h5_run() { convert_to h5 "$@"; }
convert_h5_result() { converted; }
convert_weights_begin() { convert_begin out.weights.h5; }
convert_weights_run() { convert_to weights.h5 "$@"; }
convert_weights_result() { converted; }
convert_json_begin() { convert_begin out.json; }
convert_json_run() { convert_to json "$@"; }
convert_json_result() { converted; }
convert_safetensors_begin() { convert_begin out.safetensors; }
convert_safetensors_run() { convert_to safetensors "$@"; }
convert_safetensors_result() { converted; }
convert_torch_begin() { convert_begin out.safetensors --layout torch; }
convert_torch_run() { "$@" "$program" convert run out.safetensors --layout torch; }
convert_torch_result() { converted; }
convert_modules_begin() {
    write_configs
    "$program" convert tiny.json out.py -q
    older out.py
}
convert_modules_run() { "$@" "$program" convert tiny.json out.py; }
convert_modules_result() { converted; }
convert_onnx_begin() { convert_begin out.onnx --preprocessing; }
convert_onnx_run() { "$@" "$program" convert run out.onnx --preprocessing; }
convert_onnx_result() { converted; }
convert_c_begin() { convert_begin out.c --logits; }
convert_c_run() { "$@" "$program" convert run out.c --logits; }
convert_c_result() { converted; }

foreign_begin() {
    write_configs
    write_data
    cp "$root"/tests/golden/exchange/mixed.* .
}
foreign_keras_begin() { foreign_begin; }
foreign_keras_run() { "$@" "$program" predict mixed.keras classes/a/1.jpg --top 3; }
foreign_h5_begin() { foreign_begin; }
foreign_h5_run() { "$@" "$program" predict mixed.h5 classes/a/1.jpg --top 3; }
foreign_weights_begin() { model_begin && "$program" convert run start.weights.h5 -q; }
foreign_weights_run() { "$@" "$program" train tiny.json --threads 1 --json --out run2 --weights start.weights.h5; }
foreign_weights_again() { go_on run2 foreign_weights_run env; }
foreign_weights_result() { run_result run2; }

torch_weights_begin() { model_begin && "$program" convert run start.safetensors --layout torch -q; }
torch_weights_run() { "$@" "$program" train tiny.json --threads 1 --json --out run2 --weights start.safetensors; }
torch_weights_again() { go_on run2 torch_weights_run env; }
torch_weights_result() { run_result run2; }

data_synth_begin() { :; }
data_synth_run() { "$@" "$program" data synth:20,10; }
data_sheet_begin() {
    write_configs
    data_sheet_run env
    older sheet.png
}
data_sheet_run() { "$@" "$program" data --config tiny.json --sheet sheet.png --augmented --per-class 2; }
data_sheet_result() { cksum sheet.png; }
data_export_begin() { write_data && mkdir new; }
data_export_run() { "$@" "$program" data folder:classes --export new; }
data_export_again() { rm -rf new/* && data_export_run env; } # where all was written but not what was to be said of it
data_export_result() { find new -type f -exec cksum {} + | sort -k 3; }
init_data_begin() { write_data; }
init_data_run() { "$@" "$program" init folder:classes --threads 1; }
init_data_again() { "$program" init folder:classes --force; }
init_data_result() { grep -v -e schema -e 'For editors' ./*.jsonc; } # left out where the program cannot find its own folder
data_idx_begin() { write_data; }
data_idx_run() { "$@" "$program" data idx:idx; }
data_cifar_begin() { write_data; }
data_cifar_run() { "$@" "$program" data cifar10:cifar --json; }
data_folder_begin() { write_data; }
data_folder_run() { "$@" "$program" data folder:classes; }
data_csv_begin() { write_data; }
data_csv_run() { "$@" "$program" data csv:list.csv --json; }
data_svhn_begin() { write_data; }
data_svhn_run() { "$@" "$program" data svhn:digits.mat; }
data_npy_begin() { write_data; }
data_npy_run() { "$@" "$program" data npy:images.npy,labels.npy; }

summary_begin() { model_begin; }
summary_run() { "$@" "$program" summary run; }
summary_json_begin() { write_configs; }
summary_json_run() { "$@" "$program" summary tiny.json --json --set input_shape=[8,8,3] --cost; }
config_begin() { write_configs; }
config_run() { "$@" "$program" config tiny.json --set training.epochs=3 --set 'training.optimizer=SGD'; }
init_begin() { :; }
init_run() { "$@" "$program" config init --blocks 2 --convs 2 --filters 4,8 --dense 5 --data synth:20,8; }
summary_blocks_begin() { write_configs; }
summary_blocks_run() { "$@" "$program" summary other.json --set input_shape=[8,8,3] --cost; }
keras_begin() { cp "$root/tests/golden/keras_json/sep_max.keras3.json" .; }
keras_run() { "$@" "$program" config sep_max.keras3.json; }
schema_begin() { :; }
schema_run() { "$@" "$program" config --schema; }
layers_begin() { :; }
layers_run() { "$@" "$program" layers Conv2D; }
gradcheck_begin() { write_configs; }
gradcheck_run() { "$@" "$program" gradcheck --config other.json --set input_shape=[8,8,3]; }
dry_begin() { write_configs; }
dry_view() { grep -Ev '^(memory|time|  +[(]median)'; } # what differs from run to run
dry_run() { "$@" "$program" train tiny.json --dry-run; }
dry_batch_begin() { write_configs; }
dry_batch_view() { cut -c 1-31 | grep -v '^ *runs to go'; }
dry_batch_run() { "$@" "$program" experiments batch.json --dry-run --json; }
dry_batch_result() { [ ! -e runs ] && echo nothing; }
lr_find_begin() {
    write_configs
    lr_find_run env
    older rates.csv
}
lr_find_run() { "$@" "$program" lr-find tiny.json --steps 12 --from 1e-4 --out rates.csv; }
lr_find_result() { cksum rates.csv; }
tensorboard_begin() { write_configs; }
tensorboard_command() { "$@" "$program" train tiny.json --threads 1 --tensorboard --out run; }
tensorboard_run() { tensorboard_command "$@"; }
tensorboard_again() { go_on run tensorboard_command env; }
tensorboard_result() { run_result run; }
watch_begin() {
    write_configs
    "$program" experiments batch.json --only tiny -q --out batch >/dev/null
    "$program" train tiny.json -q --out run >/dev/null
    sed 's/,[^,]*,[^,]*$/,1.000,1.0/; 1s/.*/epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second/' \
        run/history.csv >history && mv history run/history.csv
}
watch_run() { "$@" "$program" watch run; }
watch_batch_begin() { watch_begin; }
watch_batch_view() { grep -v ' s an epoch'; }
watch_batch_run() { "$@" "$program" watch batch; }

# Its figures are times: that it printed something is all that can be compared.
bench_begin() { write_configs; }
bench_run() { "$@" "$program" bench tiny.json --steps 1 --threads 2 --set 'input_shape=[8,8,3]'; }
bench_view() { sed 's/[-0-9].*//'; }
